"""Laughs and sighs of a user whose turn has a tone: for speaker engines that can make them heard."""

from dataclasses import replace

from datagen.domains.phrasing import Dice
from datagen.records.enums import MarkType, Speaker, Tag, Vocal
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.write import edits
from datagen.stages.write.options import WriteOptions

OF_TAG = {
    Tag.CHEERFUL: (Vocal.CHUCKLE, Vocal.LAUGH),
    Tag.EXCITED: (Vocal.LAUGH,),
    Tag.SURPRISED: (Vocal.GASP,),
    Tag.ANGRY: (Vocal.SIGH, Vocal.GROAN),
    Tag.ANXIOUS: (Vocal.SIGH,),
    Tag.SAD: (Vocal.SIGH, Vocal.SNIFF),
    Tag.TIRED: (Vocal.SIGH,),
    Tag.HESITANT: (Vocal.CLEAR_THROAT, Vocal.SIGH),
}
"""What one may hear in a voice of this tone; the others have none of their own."""


def put_vocals(transcript: Transcript, options: WriteOptions, dice: Dice) -> Transcript:
    """The dialogue with vocal sounds in some of the user's turns that bear a tone, each where a sentence begins.

    The same one where its writer put in sounds itself: it knew better where.
    """
    share = options.vocals.share
    if not share or any(m.type is MarkType.VOCAL for t in transcript.turns for m in t.marks):
        return transcript
    turns = tuple(_with_vocal(t, share, dice) for t in transcript.turns)
    return transcript if turns == transcript.turns else replace(transcript, turns=turns)


def _with_vocal(turn: Turn, share: float, dice: Dice) -> Turn:
    tone = next((t for t in turn.tags if t in OF_TAG), None)
    if turn.speaker is not Speaker.USER or tone is None or not dice.chance(share):
        return turn
    words = turn.words
    place = dice.pick([i for i in range(len(words)) if edits.opens_sentence(words, i)])
    return edits.mark(turn, [Mark(MarkType.VOCAL, place, dice.pick(OF_TAG[tone]))])
