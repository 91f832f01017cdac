"""Consistent records made on the spot: what a test needs of a finished dialogue, without an engine.

Everything follows from the dialogue's index and the split, so two calls give equal records.
"""

from dataclasses import replace

import numpy as np

from datagen.records.enums import EventType, Heard, Kind, Speaker, Split, Stage, TurnType
from datagen.records.maker import Maker, Reject
from datagen.records.plan import DialogPlan, Voice
from datagen.records.rendered import Codes, RenderedDialog
from datagen.records.speech import SAMPLE_RATE_HZ, Word, n_frames
from datagen.records.timeline import Activity, Event, PlacedTurn, SceneDialog, Timeline
from datagen.records.transcript import Transcript, Turn

PROMPT_FRAMES = 12
SAY = tuple("thanks for calling what can i do for you today my card was charged twice on monday and i want it".split())  # noqa: SIM905

MAKERS = {
    "writer": Maker("agenda", "agenda", "1", "Apache-2.0"),
    "speaker": Maker("espeak", "espeak-ng", "1.52", "GPL-3.0-or-later"),
    "aligner": Maker("native", "native", "1", "Apache-2.0"),
    "codec": Maker("melrvq", "melrvq", "abc123", "Apache-2.0", note="for trying; its tokens are not Mimi's"),
}


def voice(side: str, split: Split = Split.TRAIN) -> Voice:
    """A voice of its own a side and split."""
    return Voice(
        id=f"{side}-{split}", engine="espeak", base="en-us", transform={"formant_ratio": 1.1, "pitch_median_hz": 120.0},
        sex="female", f0_hz=180.0, formants_hz=(500.0, 1500.0, 2500.0), licence="GPL-3.0-or-later", family="espeak", split=split,
    )  # fmt: skip


def plan(index: int = 0, split: Split = Split.TRAIN, domain: str = "bank") -> DialogPlan:
    """A plan whose company and scenario belong to `split` alone."""
    company = f"Harbor {split.value.title()} Bank"
    instance = {"company": company, "business": "credit union", "agent_name": "Ana", "amount": "$12.50", "n": index}
    return DialogPlan(
        index=index, dialog_id=f"{domain}-{index:06d}", kind=Kind.SERVICE, domain=domain, scenario=f"charge-{split}", split=split,
        seed=1_000 + index, first_speaker=Speaker.AGENT, agent_voice=f"agent-{split}", user_voice=f"user-{split}",
        instance=instance, traits={"mood": "neutral"},
    )  # fmt: skip


def codes(frames: int, *seed: int) -> Codes:
    """Random codes int16 [8, frames], each of 2048 as likely."""
    return np.random.default_rng(seed).integers(0, 2048, (8, frames), dtype=np.int16)


def placed(
    index: int, speaker: Speaker, start_s: float, texts: list[str], fto_s: float | None, heard: int | None = None
) -> PlacedTurn:
    """A turn of 0.3 s words from `start_s`. With `heard`, the word of that index is cut after two thirds of it."""
    words, at = [], start_s
    for i, text in enumerate(texts):
        state = Heard.YES if heard is None or i < heard else Heard.PARTIAL if i == heard else Heard.NO
        words.append(Word(text, text.lower(), at, at + 0.3, state))
        at += 0.3
    cut = len(texts) if heard is None else heard + 1
    end_s = start_s + 0.3 * len(texts) if heard is None else start_s + 0.3 * heard + 0.2
    return PlacedTurn(
        index=index, speaker=speaker, type=TurnType.STATEMENT, text=" ".join(texts), heard_text=" ".join(texts[:cut]),
        unheard_text=" ".join(texts[cut:]), start_s=start_s, end_s=end_s, fto_s=fto_s, words=tuple(words), events=(),
        engine="espeak", seed=7 + index,
    )  # fmt: skip


def timeline(
    dialog_id: str = "bank-000000", n_turns: int = 6, barge_in: bool = True, backchannel: bool = True
) -> Timeline:
    """Turns of both sides in alternation: turn 2 is cut by the user's barge-in, turn 3 has the agent's
    backchannel, and turn 5 begins before turn 4 has ended."""
    turns: list[PlacedTurn] = []
    for i in range(n_turns):
        speaker = Speaker.AGENT if i % 2 == 0 else Speaker.USER
        fto_s = None if i == 0 else -0.1 if i == 5 else 0.25
        if barge_in and i == 3:
            fto_s = -0.35
        start_s = 0.4 if fto_s is None else turns[-1].end_s + fto_s
        texts = [SAY[(i * 5 + k) % len(SAY)] for k in range(6 + i % 3)]
        turns.append(placed(i, speaker, start_s, texts, fto_s, 3 if barge_in and i == 2 and n_turns > 3 else None))
    said: tuple[Word, ...] = ()
    if barge_in and n_turns > 3:
        attrs = {"word": 2, "position": 0.25, "partial_share": 0.6667, "sampled": False}
        cut = {"yield_s": 0.35, "cut": True, "overlap_s": 0.35, **attrs}
        event = Event(EventType.BARGE_IN, 1, turns[3].start_s, turns[2].end_s, 2, cut)
        turns[2] = _with_event(turns[2], event)
    if backchannel and n_turns > 3:
        at = turns[3].words[3].end_s
        said = (Word("mhm", "mhm", at, at + 0.2),)
        attrs = {"text": "mhm", "word": 3, "marked": True, "overlap_s": 0.2}
        turns[3] = _with_event(turns[3], Event(EventType.BACKCHANNEL, 0, at, at + 0.2, 3, attrs))
    if n_turns > 5:
        over = Event(EventType.OVERLAP, 1, turns[5].start_s, turns[4].end_s, 4, {"overlap_s": 0.1})
        turns[4] = _with_event(turns[4], over)
    n_samples = round((max(t.end_s for t in turns) + 0.5) * SAMPLE_RATE_HZ) + 7
    return Timeline(dialog_id, n_samples, tuple(turns), (said, ()))


def _with_event(turn: PlacedTurn, event: Event) -> PlacedTurn:
    return replace(turn, events=(*turn.events, event))


def activity(line: Timeline) -> Activity:
    """Speech, overlap and silence by sampling a mask of the clean channels' words, exact to a sample."""
    masks = np.zeros((2, line.n_samples), bool)
    for turn in line.turns:
        for word in turn.words:
            if word.heard is not Heard.NO:
                _mark(masks[turn.speaker.channel], word.start_s, min(word.end_s, turn.end_s))
    for channel, words in enumerate(line.aside_words):
        for word in words:
            _mark(masks[channel], word.start_s, word.end_s)
    agent, user = masks
    seconds = [float(m.sum()) / SAMPLE_RATE_HZ for m in (agent, user, agent & user, ~(agent | user))]
    return Activity(*seconds)


def _mark(mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]", start_s: float, end_s: float) -> None:
    mask[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)] = True


def transcript(source: DialogPlan, line: Timeline) -> Transcript:
    """What `line` says, as it was written."""
    role = f"You work for {source.instance['company']} which is a credit union and your name is Ana. Information: The fee is $12.50."
    turns = tuple(Turn(t.index, t.speaker, t.text, t.type, act="say") for t in line.turns)
    return Transcript(source.dialog_id, role, turns, MAKERS["writer"], ("$12.50",), "You call your bank.")


def rendered(index: int = 0, split: Split = Split.TRAIN, n_turns: int = 6, domain: str = "bank") -> RenderedDialog:
    """A whole dialogue, about 2 s a turn, with random codes and no audio."""
    source = plan(index, split, domain)
    line = timeline(source.dialog_id, n_turns)
    frames = n_frames(line.n_samples)
    scene = SceneDialog(
        np.zeros((2, 0), np.float32), {"noise": {"snr_db": 12.5}} if index % 2 else {}, 12.5 if index % 2 else None
    )
    prompts = [codes(PROMPT_FRAMES, 9, list(Split).index(split), side) for side in (0, 1)]
    return RenderedDialog(
        source, transcript(source, line), line, scene, activity(line), codes(frames, index, 0), codes(frames, index, 1), *prompts,
        audio_path=f"audio/{source.dialog_id}.flac",
    )  # fmt: skip


def reject(index: int, domain: str = "bank") -> Reject:
    """A dialogue that the speaker could not speak."""
    return Reject(f"{domain}-{index:06d}", Stage.SPEAK, "too_long", "11.8 s of audio for 9 words", attempts=3, turn=7)
