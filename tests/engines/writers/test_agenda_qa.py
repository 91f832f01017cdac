"""Questions and answers with a teacher."""

from dataclasses import replace

from talks import QA

from datagen.protocols import Failure


def test_the_role_is_the_fixed_one_and_both_questions_are_answered() -> None:
    for i in range(200):
        plan, transcript = QA.plan(i), QA.write(i)
        assert transcript.role_context == (
            "You are a wise and friendly teacher. Answer questions or provide advice in a clear and engaging way."
        )
        acts = [t.act for t in transcript.turns]
        second = plan.instance["second"]
        assert [a for a in acts if a.startswith("answer")] == ["answer", f"answer_{second}"]
        assert acts.index(f"answer_{second}") == acts.index(second) + 1


def test_a_wrong_second_question_is_a_failure() -> None:
    plan = replace(QA.plan(1), instance={**QA.plan(1).instance, "second": "why", "second_index": 99})
    result = QA.answer_to(plan)
    assert isinstance(result, Failure)
    assert result.reason == "bad_instance"
