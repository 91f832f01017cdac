"""The knobs of the agenda writer."""

from datagen.config import Options, knob


class AgendaOptions(Options):
    """How the embedded writer talks. A behaviour's rate overrides what the domain's files say; unset it is theirs."""

    max_words: int = knob(
        260,
        "longest dialogue, both sides together; longer ones are written again with fewer extras",
        "words",
        ge=60,
        le=1000,
    )
    max_turns: int = knob(
        22, "turns beyond which neither side brings up anything that can be left out", "turns", ge=6, le=200
    )
    barge_in_per_dialog: float = knob(
        0.35,
        "users who cut into a turn of the agent's; a dialogue without a place for it is written again, up to thrice",
        "share",
        ge=0,
        le=1,
    )
    second_barge_in: float = knob(0.12, "of those, how many have a second one", "share", ge=0, le=1)
    safe_cuts: bool = knob(
        True,
        "mark the words at which stitch may sample a cut of its own, in the agent's turns and in rambling ones of the user's",
    )
    filler_agent: float = knob(
        0.04, "agent's turns that open with a discourse word (so, well)", "share of turns", ge=0, le=1
    )
    chain: float = knob(
        0.75, "how often the agent goes on to its next step in the same turn after informing", "share", ge=0, le=1
    )
    rude: float | None = knob(None, "callers who are rude", "share", ge=0, le=1)
    refusal: float | None = knob(None, "callers who ask for something that is refused", "share", ge=0, le=1)
    unrelated: float | None = knob(None, "callers with an off-topic question", "share", ge=0, le=1)
    early: float | None = knob(None, "callers who volunteer what would be asked", "share", ge=0, le=1)
    late: float | None = knob(None, "callers who have something not at hand", "share", ge=0, le=1)
    wrong: float | None = knob(None, "callers who get something wrong and correct it", "share", ge=0, le=1)
    verify_fail: float | None = knob(None, "callers who fail an identity check at first", "share", ge=0, le=1)
    mishear: float | None = knob(None, "callers who mishear once", "share", ge=0, le=1)
    readback: float | None = knob(None, "given values that the agent reads back", "share", ge=0, le=1)
    domain_folders: tuple[str, ...] = knob((), "folders to look for domains in, before prompts/", changes_output=False)


BEHAVIOURS = ("rude", "refusal", "unrelated", "early", "late", "wrong", "verify_fail", "mishear")
"""The traits that a knob of the same name may draw anew."""
