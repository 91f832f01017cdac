"""Writes a probe: the caller's one utterance, and the reference answer."""

from datagen.domains.probe import TYPES, ProbeDomain
from datagen.protocols import WriteRequest
from datagen.records.enums import Speaker, Tag, TurnType
from datagen.records.maker import Maker
from datagen.records.transcript import Transcript, Turn


def write_probe(domain: ProbeDomain, request: WriteRequest, maker: Maker) -> Transcript:
    """The transcript of a probe's plan: two turns, the caller's first."""
    plan = request.plan
    spec, probe = domain.probe(plan.scenario), plan.scenario.rpartition(".")[2]
    act = f"{probe} {TYPES[probe]}"
    tags = (Tag.ANGRY,) if probe == "Q4" else ()
    asked = TurnType.QUESTION if spec.user.endswith("?") else TurnType.STATEMENT
    turns = (
        Turn(0, Speaker.USER, spec.user, asked, act, tags=tags),
        Turn(1, Speaker.AGENT, spec.reference, TurnType.ANSWER, "reference"),
    )
    return Transcript(plan.dialog_id, domain.role_context(plan.scenario), turns, maker)
