"""The write stage's unit: a writer's transcript is checked by every gate, made spontaneous, and gets its signature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from datagen.domains.phrasing import Dice
from datagen.domains.spontaneous import Spontaneous
from datagen.protocols import Failure
from datagen.records.enums import Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import (
    contradiction,
    cues,
    density,
    disfluency,
    duplicates,
    edits,
    gates,
    grounding,
    instruction,
    near_index,
    private,
    reasoning,
    repetition,
    roles,
    silence,
    spoken,
    tools,
    vocals,
)
from datagen.stages.write.options import WriteOptions
from datagen.store.ids import rng

VERSION = 4
"""Goes into content keys: raised when the same input gives another output."""

Gate = Callable[[Transcript, DialogPlan, WriteOptions], Failure | None]

_FORM: tuple[Gate, ...] = (
    gates.structure,
    gates.role_context,
    gates.leaks,
    spoken.spoken,
    density.length,
    repetition.repetition,
    roles.mixed_up,
    tools.called,
    instruction.kept,
    reasoning.answered,
)
"""The gates on who speaks, how, and how much."""
_FACTS: tuple[Gate, ...] = (grounding.grounded, contradiction.contradiction, private.private)
"""Those on what the agent states, and on identifiers: what a user's hesitation cannot break, as fluent words are what counts."""


def check(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """The first gate's failure, with its reason code and one line for a person; None where all let the dialogue through."""
    return _first((*_FORM, *_FACTS), transcript, plan, options)


def check_again(before: Transcript, after: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """`check` of what `loosen` made of a dialogue that had passed: the gates on facts only where the agent says other things."""
    return _first(_FORM if _agent(before) == _agent(after) else (*_FORM, *_FACTS), after, plan, options)


def _agent(transcript: Transcript) -> list[str]:
    return [t.text for t in transcript.turns if t.speaker is Speaker.AGENT]


def _first(judging: Sequence[Gate], transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    for gate in judging:
        failure = gate(transcript, plan, options)
        if failure is not None:
            return failure
    return None


def loosen(
    transcript: Transcript, plan: DialogPlan, options: WriteOptions, texts: Spontaneous, seed: int
) -> Transcript:
    """A dialogue that passed its gates, with what people have not planned: the user's hesitations, a long silence, a sound that
    the agent reacts to.

    Each by its share in the recipe, in draws of its own from `seed`; the agent's facts are never touched. The same
    transcript where nothing was drawn.
    """
    # Hesitations first: nobody stumbles over the "sorry, I'm here" that is put in after them.
    transcript = disfluency.hesitate(transcript, plan, options, texts, Dice(rng(seed, "disfluency")))
    listened = tuple(edits.listened(turn) for turn in transcript.turns)
    if listened != transcript.turns:
        transcript = replace(transcript, turns=listened)
    silent = silence.fall_silent(transcript, options, texts, Dice(rng(seed, "silence")))
    # What the agent says into a silence or to a sound must not break what it was asked to keep.
    transcript = silent if instruction.holds(silent) else transcript
    heard = cues.put_sound(transcript, options, texts, Dice(rng(seed, "sound")))
    transcript = heard if instruction.holds(heard) else transcript
    return vocals.put_vocals(transcript, options, Dice(rng(seed, "vocals")))


def finish(transcript: Transcript, options: WriteOptions) -> Transcript:
    """The transcript with its MinHash signature, which publish finds near-duplicates by. Hesitations are left out of it: two
    dialogues that differ in nothing else are one."""
    fluent = (" ".join(edits.fluent_words(turn)) for turn in transcript.turns)
    return replace(transcript, signature=duplicates.signature(fluent))


def near_duplicates(signatures: Mapping[str, Sequence[int]], options: WriteOptions) -> dict[str, str]:
    """Loser to winner, the lower index wins; see `datagen.stages.write.near_index`."""
    ids = sorted(signatures, key=lambda i: int(i.rsplit("-", 1)[1]))
    matrix = np.array([signatures[i] for i in ids], np.uint32).reshape(len(ids), -1)
    return {ids[a]: ids[b] for a, b in near_index.near_duplicates(matrix, options.near_duplicate_jaccard).items()}
