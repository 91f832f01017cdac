"""One turn on its own: its audio parted by its pauses, and how deep an overlap it and its neighbour bear."""

from dataclasses import dataclass

from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.stages.stitch.fto import FtoModel
from datagen.stages.stitch.shapes import Piece, Spot, TurnShape

OWN_GAP = round(0.1 * SAMPLE_RATE_HZ)
"""Samples between two turns of one speaker at the least: nobody speaks over themselves."""
RETURN_GAP = round(0.4 * SAMPLE_RATE_HZ)
"""Samples of the other's turn that a speaker hears before the next turn of their own, at the least."""
CUT_GAP = round(1.0 * SAMPLE_RATE_HZ)
"""The same before a speaker barges in: it is what the other says that brings it about."""
REPLY_SHARE = 0.7
"""An overlap takes at most this share of the turn that comes in: the floor does change."""
YIELD_SHARE = 0.8
"""A yield takes at most this share of the turn that barges in."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What bounds the placing: the FTOs' distribution, how far an overlap reaches back, in samples the longest wait for the
    end of a word that is cut into, and what is kept clear around asides, and between those that are sampled."""

    fto: FtoModel
    max_overlap_words: int
    max_question_words: int
    max_overlap_share: float
    max_question_share: float
    max_key_share: float
    max_name_share: float
    max_yield: int
    clear: int
    apart: int = 0


def lay(shape: TurnShape) -> Spot:
    """The turn from sample 0, its audio parted where a pause goes in: halfway between the words on either side."""
    pieces, pauses, words = [], [], list(shape.words)
    taken, shift = 0, 0
    for word, length in shape.pauses:
        left, right = shape.words[word - 1][1], shape.words[word][0]
        at = max(min((left + right) // 2, right), taken)
        pieces.append(Piece((taken, at), taken + shift))
        pauses.append((word, (at + shift, at + shift + length)))
        taken, shift = at, shift + length
        words[word:] = [(a + shift, b + shift) for a, b in shape.words[word:]]
    pieces.append(Piece((taken, shape.length), taken + shift))
    return Spot(0, shape.length + shift, tuple(words), tuple(pieces), None, tuple(pauses))


def deepest_overlap(
    shape: TurnShape, laid: Spot, before: TurnShape, prior: Spot, rules: Rules, own_end: int | None = None
) -> int:
    """The longest overlap that makes sense here: over the other's last words only, and within both turns.

    Whoever hesitates is waited for: of a turn with a pause only what comes after the last counts; so does of one that began
    under the speaker's own turn, which ended at `own_end`, only what came after that. A turn that is barged in on itself has
    to have the floor for itself before the word that it is cut at.
    """
    share = rules.max_question_share if before.is_question else rules.max_overlap_share
    n_words = min(rules.max_question_words if before.is_question else rules.max_overlap_words, len(prior.words))
    stretch = max([prior.start, own_end or prior.start, *(end for _, (_, end) in prior.pauses)])
    bounds = [
        int(max(prior.end - stretch, 0) * share),
        prior.end - prior.words[-n_words][0],
        int(laid.end * REPLY_SHARE),
    ]
    for word, most in ((before.key_word, rules.max_key_share), (before.name_word, rules.max_name_share)):
        if word is not None:
            first, last = prior.words[word]
            bounds.append(prior.end - last + int((last - first) * most))
    if shape.cut_word is not None:
        bounds.append(laid.words[shape.cut_word][0] - CUT_GAP)
    return max(0, min(bounds))
