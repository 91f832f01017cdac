"""A dialogue in which every type of event happens, made by hand: what check, the tables, `show` and the page have to know."""

from dataclasses import replace
from pathlib import Path

import factories
import numpy as np
import outputs

from datagen.audio.files import write_flac
from datagen.records.enums import EventType, Heard, Speaker, Split, TurnType
from datagen.records.rendered import RenderedDialog
from datagen.records.speech import SAMPLE_RATE_HZ, Word, n_frames
from datagen.records.timeline import Event, PlacedTurn, SceneDialog, Timeline

AGENT, USER = Speaker.AGENT, Speaker.USER
WORD_S = 0.3
EFFECTS = {
    "room": {"rt60_s": 0.41, "distance_m": 0.6, "seed": 9},
    "noise": {"snr_db": 12.0, "octave_slope_db": -4.5, "drift_db": 1.5, "seed": 77},
    "telephone": {"low_hz": 300.0, "high_hz": 3400.0, "rate_hz": 8000, "code": "gsm"},
    "packet_loss": {"lost_share": 0.02, "burst_s": 0.1, "seed": 5, "n_lost": 12},
}
CUT = {"word": 9, "position": 0.6, "cut": True, "partial_share": 0.6667, "sampled": False}
STEMS = ("speech", "noise", "sounds")


def _words(at_s: float, text: str) -> list[Word]:
    return [Word(w, w.lower(), at_s + i * WORD_S, at_s + (i + 1) * WORD_S) for i, w in enumerate(text.split())]


def _turn(index: int, side: Speaker, at_s: float, text: str, fto_s: float | None, *pauses: tuple[int, float]):
    """A turn of words of 0.3 s, with (word, seconds) of pause before some."""
    words = _words(at_s, text)
    for word, length_s in pauses:
        moved = [replace(w, start_s=w.start_s + length_s, end_s=w.end_s + length_s) for w in words[word:]]
        words = [*words[:word], *moved]
    return PlacedTurn(
        index=index, speaker=side, type=TurnType.STATEMENT, text=text, heard_text=text, unheard_text="", start_s=at_s,
        end_s=words[-1].end_s, fto_s=fto_s, words=tuple(words), events=(), engine="espeak", seed=7 + index,
    )  # fmt: skip


def _cut(turn: PlacedTurn, heard: int) -> PlacedTurn:
    """The turn after `heard` whole words and two thirds of one."""
    states = [Heard.YES if i < heard else Heard.PARTIAL if i == heard else Heard.NO for i in range(len(turn.words))]
    words = tuple(replace(w, heard=s) for w, s in zip(turn.words, states, strict=True))
    texts = turn.text.split()
    return replace(
        turn, words=words, end_s=words[heard].start_s + 0.2, heard_text=" ".join(texts[: heard + 1]),
        unheard_text=" ".join(texts[heard + 1 :]),
    )  # fmt: skip


def _event(kind: EventType, side: Speaker, start_s: float, end_s: float, turn: int, /, **attrs) -> Event:
    return Event(kind, side.channel, start_s, end_s, turn, attrs)


def _aside(kind: EventType, side: Speaker, words: list[Word], turn: int, word: int, overlap_s: float) -> Event:
    text = " ".join(w.word for w in words)
    times = words[0].start_s, words[-1].end_s
    return _event(kind, side, *times, turn, text=text, word=word, marked=True, overlap_s=overlap_s)


def _sound(name: str, at_s: float, length_s: float, turn: int, *, cue: bool) -> Event:
    attrs = {"name": name, "source": "shipped", "snr_db": 4.0, "cue": cue, "cut": False}
    return _event(EventType.SOUND, USER, at_s, at_s + length_s, turn, **attrs)


def timeline(dialog_id: str) -> Timeline:
    """Eight turns, 24 s: see the events."""
    hello = _turn(0, AGENT, 0.4, "Thanks for calling Harbor Bank, how can I help you today?", None)
    asks = _turn(1, USER, hello.end_s + 0.3, "Um I want, could you block my, sorry, my card please", 0.3, (4, 2.4))
    blocks = _cut(
        _turn(2, AGENT, asks.end_s + 0.5, "Of course, I can block the card that ends in seven right now for you", 0.5),
        10,
    )
    objects = _cut(
        _turn(3, USER, blocks.words[9].start_s + 0.1, "No, it is the other one that I lost while I was", 0.0), 7
    )
    objects = replace(objects, fto_s=objects.start_s - blocks.end_s)
    cuts_in = _turn(4, AGENT, objects.words[6].start_s, "I see, the blue one then.", 0.0)
    cuts_in = replace(cuts_in, fto_s=cuts_in.start_s - objects.end_s)
    agrees = _turn(5, USER, cuts_in.end_s - 0.4, "Yes, the blue one.", -0.4)
    checks_in = _turn(6, AGENT, agrees.end_s + 5.5, "Are you still there?", 5.5)
    ends = _turn(7, USER, checks_in.end_s + 0.2, "Yes, thank you.", 0.2)
    turns = [hello, asks, blocks, objects, cuts_in, agrees, checks_in, ends]
    mhm = _words(hello.words[5].end_s, "yeah")[0]
    hm = _words(asks.words[1].end_s, "okay")[0]
    pause = (asks.words[3].end_s, asks.words[4].start_s)
    aside = _words(pause[0] + 0.6, "Not now, sweetie.")
    tries = _words(blocks.words[3].start_s, "but wait")
    events = {
        0: [_aside(EventType.BACKCHANNEL, USER, [mhm], 0, 5, 0.3)],
        1: [
            _event(EventType.DISFLUENCY, USER, asks.words[0].start_s, asks.words[0].end_s, 1, kind="filler", text="Um", word=0),
            _aside(EventType.BACKCHANNEL, AGENT, [hm], 1, 1, 0.3),
            _event(EventType.PAUSE, USER, *pause, 1, word=4, pause_s=2.4),
            _aside(EventType.SIDE_TALK, USER, aside, 1, 4, 0.0),
        ],
        2: [
            _aside(EventType.FAILED_BARGE_IN, USER, tries, 2, 3, 0.6),
            _event(EventType.BARGE_IN, USER, objects.start_s, blocks.end_s, 2, **CUT, yield_s=0.4, overlap_s=0.4),
        ],
        3: [_event(EventType.AGENT_INTERRUPTION, AGENT, cuts_in.start_s, objects.end_s, 3, **CUT, yield_s=0.5, overlap_s=0.5)],
        4: [_event(EventType.OVERLAP, USER, agrees.start_s, cuts_in.end_s, 4, overlap_s=0.4)],
        5: [_event(EventType.SOUND, USER, agrees.end_s, agrees.end_s, 5, sound="phone", cue=True)],
        6: [_event(EventType.LONG_SILENCE, USER, agrees.end_s, checks_in.start_s, 6, checks_in=True)],
    }  # fmt: skip
    turns = [replace(t, events=tuple(events.get(t.index, ()))) for t in turns]
    n_samples = round((ends.end_s + 0.7) * SAMPLE_RATE_HZ)
    return Timeline(dialog_id, n_samples, tuple(turns), ((hm,), (mhm, *aside, *tries)), agent_latency_s=0.35)


def sounds(line: Timeline) -> tuple[Event, ...]:
    """What the scene put in: the phone that the text asks for, as long as it rings, and a door."""
    phone = _sound("phone", line.turns[5].end_s + 0.5, 1.6, 5, cue=True)
    return phone, _sound("door", line.turns[4].start_s + 0.1, 0.5, 4, cue=False)


def rendered(index: int = 0, split: Split = Split.TRAIN) -> RenderedDialog:
    """The dialogue, with a scene of four effects, two sounds and three stems."""
    made = factories.rendered(index, split)
    line = timeline(made.plan.dialog_id)
    frames = n_frames(line.n_samples)
    scene = SceneDialog(np.zeros((2, 0), np.float32), EFFECTS, 12.0, sounds(line), masked_word_share=0.125)
    return replace(
        made, timeline=line, transcript=factories.transcript(made.plan, line), scene=scene, activity=factories.activity(line),
        agent_codes=factories.codes(frames, index, 0), user_codes=factories.codes(frames, index, 1), audio_path=None,
        stems=STEMS, stems_path=f"stems/{made.plan.dialog_id}.flac",
    )  # fmt: skip


def make(out: Path, audio: bool = False) -> Path:
    """A build of it and two plain dialogues, with stems, and with audio if that is asked for."""
    first = rendered()
    stems = np.zeros((len(STEMS), first.timeline.n_samples), np.float32)
    _write(out / first.stems_path, stems)
    if audio:
        first = replace(first, audio_path=f"audio/{first.plan.dialog_id}.flac")
        _write(out / first.audio_path, _tones(first.timeline))
    splits = (Split.VALID, Split.TEST)
    outputs.publish(out, [first, *(outputs.dialog(out, i, s, 6, audio) for i, s in enumerate(splits, 1))])
    return out


def _write(path: Path, audio) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_flac(path, audio)


def _tones(line: Timeline):
    """A tone wherever somebody speaks, so that a picture of it has speech where the words are."""
    audio = np.zeros((2, line.n_samples), np.float32)
    for side in Speaker:
        for start_s, end_s in line.heard_spans(side):
            a, b = round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
            n = min(b, line.n_samples) - a
            audio[side.channel, a : a + n] = 0.4 * np.sin(np.arange(n) * 0.05) * np.hanning(n)
    return audio
