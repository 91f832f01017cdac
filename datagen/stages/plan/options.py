"""The knobs of the plan stage."""

from datagen.config import Options, knob
from datagen.records.enums import Kind


class PlanOptions(Options):
    """Casting, who begins, and how hours become a count."""

    agent_first_share: float = knob(0.7, "share of dialogues that the agent begins", "share", ge=0, le=1)
    min_voice_distance: float = knob(
        1.0,
        "least audible distance of agent and user: 1 is 4 semitones of F0, or 12 % of formants, or a mix of both; of a bank's voices, "
        "its own distance, where 1 is the least that is two people",
        "",
        ge=0,
        le=4,
    )
    max_voices: int = knob(0, "use this many voices of the bank at most, 0 for all", "voices", ge=0)
    service_s: float = knob(
        80.0, "expected length of a service dialogue; turns --hours into a count, and estimates", "s", gt=0
    )
    qa_s: float = knob(30.0, "expected length of a question-and-answer dialogue", "s", gt=0)
    casual_s: float = knob(52.0, "expected length of a casual dialogue", "s", gt=0)
    tool_s: float = knob(88.0, "expected length of a service dialogue with tools", "s", gt=0)
    instruction_s: float = knob(75.0, "expected length of a dialogue that keeps a constraint", "s", gt=0)
    probe_s: float = knob(12.0, "expected length of a probe and its answer", "s", gt=0)

    def length_s(self, kind: Kind) -> float:
        """The expected length of a dialogue of this kind, in seconds."""
        length: float = getattr(self, f"{kind}_s")
        return length
