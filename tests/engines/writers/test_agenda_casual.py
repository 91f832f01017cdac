"""Casual talk at three levels of prompt detail."""

from talks import CASUAL

from datagen.domains.plain import faults
from datagen.records.enums import Speaker


def test_role_contexts_have_the_form_of_their_level() -> None:
    for i in range(200):
        plan, transcript = CASUAL.plan(i), CASUAL.write(i)
        text, instance = transcript.role_context, plan.instance
        if instance["level"] == "minimal":
            assert text == "You enjoy having a good conversation."
        elif instance["level"] == "topic":
            assert text == f"You enjoy having a good conversation. Have a casual discussion about {instance['topic']}."
        else:
            assert text.startswith(f"You enjoy having a good conversation. Have a {instance['tone']} ")
            assert all(str(v) in text for v in instance["persona"].values())


def test_all_that_the_agent_states_is_in_its_role_context_or_said_by_the_user() -> None:
    stated = 0
    for i in range(300):
        transcript = CASUAL.write(i)
        given = transcript.role_context
        for turn in transcript.turns:
            if turn.speaker is Speaker.USER:
                given += " " + turn.text
            else:
                new = [f for f in faults(turn.text) if f.removesuffix("'s").lower() not in given.lower()]
                assert not new, (transcript.dialog_id, turn.text)
                stated += bool(faults(turn.text))
        assert all(f in transcript.role_context for f in transcript.facts_used)
    assert stated > 5


def test_dialogues_have_eight_to_eighteen_turns() -> None:
    counts = [len(CASUAL.write(i).turns) for i in range(300)]
    assert min(counts) >= 8
    assert max(counts) <= 18
