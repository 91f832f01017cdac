"""Spoken dialogues made on the spot: steady tones for voices, words with known times."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datagen.audio.files import quantise
from datagen.records.enums import ClipKind, Kind, MarkType, Speaker, Split, TurnType
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Aside, Audio, Clip, Speech, SpokenDialog, SpokenTurn, Word
from datagen.records.transcript import Mark, Turn

LEVEL = 0.2
TONE_HZ = {Speaker.AGENT: 440.0, Speaker.USER: 620.0}
MARGIN_S = 0.01
"""Audio before a turn's first word and after its last."""


def plan(index: int = 0) -> DialogPlan:
    """A plan of that index; nothing else of it matters here."""
    return DialogPlan(
        index=index, dialog_id=f"bank-{index:06d}", kind=Kind.SERVICE, domain="bank", scenario="charge", split=Split.TRAIN,
        seed=index, first_speaker=Speaker.AGENT, agent_voice="a", user_voice="u",
    )  # fmt: skip


def tone(seconds: float, hz: float, level: float = LEVEL) -> Audio:
    """A sine that is at full size at its very edges, so that a cut without a fade clicks."""
    if level == 0:
        return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return quantise((level * np.cos(2 * np.pi * hz * t)).astype(np.float32))


def speech(durations_s: Sequence[float], hz: float = 440.0, gap_s: float = 0.0, level: float = LEVEL) -> Speech:
    """Words of these durations, `gap_s` apart, in an unbroken tone."""
    words, at = [], MARGIN_S
    for i, duration in enumerate(durations_s):
        name = "w" + chr(ord("a") + i % 26)
        words.append(Word(name, name, at, at + duration))
        at += duration + gap_s
    return Speech(tone(words[-1].end_s + MARGIN_S, hz, level), tuple(words), "tone", 7)


def turn(
    index: int,
    side: Speaker,
    durations_s: Sequence[float],
    kind: TurnType = TurnType.STATEMENT,
    marks: Sequence[Mark] = (),
    gap_s: float = 0.0,
    backchannel_s: float = 0.25,
    level: float = LEVEL,
    clause: int = 0,
) -> SpokenTurn:
    """A turn with its marks; what a mark says beside the turn is spoken in words of `backchannel_s`. Every `clause` words a
    comma stands."""
    said = speech(durations_s, TONE_HZ[side], gap_s, level)
    names = [w.word + ("," if clause and i % clause == clause - 1 else "") for i, w in enumerate(said.words)]
    said = replace(said, words=tuple(replace(w, word=name) for w, name in zip(said.words, names, strict=True)))
    text = " ".join(names)
    heard = [
        Aside(m, speech([backchannel_s] * len(m.text.split()), TONE_HZ[who]))
        for m in marks
        if (who := m.type.speaker(side)) is not None
    ]
    return SpokenTurn(Turn(index, side, text, kind, marks=tuple(marks)), said, tuple(heard))


def clips(voice: str, kind: ClipKind) -> tuple[Clip, ...]:
    """Two clips a kind in each of the plan's voices."""
    hz = TONE_HZ[Speaker.AGENT if voice == "a" else Speaker.USER]
    n_words = {ClipKind.BACKCHANNEL: 1, ClipKind.FAILED_BARGE_IN: 2, ClipKind.SIDE_TALK: 5, ClipKind.OFF_TALK: 5}[kind]
    return tuple(Clip(kind, " ".join([name] * n_words), speech([0.2] * n_words, hz)) for name in ("mm", "hm"))


def dialog(seed: int, n_turns: int = 20, marked: bool = True) -> SpokenDialog:
    """A dialogue in alternation whose turns have 1 to 17 words, with marks of every type where there is room for them."""
    rng = np.random.default_rng(seed)
    turns = []
    for i in range(n_turns):
        n_words = int(rng.integers(1, 18))
        side = Speaker.AGENT if i % 2 == 0 else Speaker.USER
        marks: list[Mark] = []
        what = rng.random()
        if marked and n_words > 6 and i < n_turns - 1:
            if what < 0.2:
                marks.append(Mark(MarkType.BARGE_IN, int(rng.integers(1, n_words))))
            elif what < 0.5:
                marks.append(Mark(MarkType.BACKCHANNEL, int(rng.integers(0, n_words)), "mhm"))
            elif what < 0.6:
                marks.append(Mark(MarkType.PAUSE, int(rng.integers(1, n_words))))
            elif what < 0.7:
                marks.append(Mark(MarkType.FAILED_BARGE_IN, int(rng.integers(0, n_words)), "but wait"))
            elif what < 0.8 and side is Speaker.USER:
                marks.append(Mark(MarkType.SIDE_TALK, int(rng.integers(1, n_words)), "not now please"))
            elif what < 0.9:
                marks.append(Mark(MarkType.LONG_SILENCE, 0))
        kind = (TurnType.QUESTION, TurnType.ANSWER, TurnType.STATEMENT, TurnType.CONFIRMATION)[int(rng.integers(4))]
        turns.append(turn(i, side, rng.uniform(0.12, 0.5, n_words), kind, marks, gap_s=0.015, clause=4))
    return SpokenDialog(f"bank-{seed:06d}", tuple(turns))
