"""Precision and recall of the gates on a spoken turn, at their default limits, and the table of them in datagen/stages/speak/GATES.md.

`python tests/stages/speak/speech_gate_figures.py` prints the table; with `--asr sphinx --embedder acoustic` with those engines
(minutes of CPU). Half of the turns, `held_out`, are of dialogues and faults that no limit was chosen by.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from speech_faults import FAULTS, Case, Said, faulty, spoken_by

from datagen import recipes
from datagen.build import Build, resolve
from datagen.protocols import Failure, WriteRequest
from datagen.records.speech import Speech
from datagen.run.listening import Take, judged
from datagen.run.meter import Meter
from datagen.run.placing import Refused, placed
from datagen.stages.speak import unit as speak
from datagen.stages.speak.unit import Utterance
from datagen.store.ids import seed_of
from datagen.text.say import spoken_words

SETS = ("tuned", "held_out")
FIRST_DIALOG = {"tuned": 0, "held_out": 1_000}
LEAST_WORDS = 5
"""Of a turn of fewer words nothing can be cut or repeated."""
NAMED: dict[str, frozenset[str]] = {
    "cut_tail": frozenset({"squeezed_words", "too_short", "silent_words", "lost_sound", "lost_edge", "wer"}),
    "cut_head": frozenset({"squeezed_words", "too_short", "silent_words", "lost_sound", "lost_edge", "wer"}),
    "repeated": frozenset({"stray_sound", "lost_sound", "repeated", "wer"}),
    "noise_burst": frozenset({"noise", "wer"}),
    "wrong_voice": frozenset({"similarity"}),
    "inner_silence": frozenset({"inner_silence", "too_long"}),
    "wrong_words": frozenset({"wer"}),
    "invented_tail": frozenset({"tail", "too_long", "wer"}),
    "clipping": frozenset({"clipped"}),
    "muffled": frozenset({"band_limited"}),
    "too_quiet": frozenset({"too_quiet", "silent"}),
    "too_fast": frozenset({"too_short"}),
    "too_slow": frozenset({"too_long"}),
}
"""Which reasons catch a fault for what it is."""


@dataclass
class Figures:
    """By fault how many there were and how many were caught, and by reason how many good turns it failed."""

    n: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)
    n_good: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    n_lost: int = 0
    missed: list[str] = field(default_factory=list)
    word_errors: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def recall(self, fault: str) -> float:
        return self.caught[fault] / self.n[fault]

    def precision(self, fault: str) -> float:
        """Of the turns that the fault's reasons fail, good ones and those with that fault, the share that has it."""
        wrong = sum(n for reason, n in self.lost.items() if reason in NAMED[fault])
        return self.caught[fault] / max(self.caught[fault] + wrong, 1)


@cache
def build_of(asr: str = "none", embedder: str = "none") -> Build:
    """The audit recipe, which hears every turn, with those engines."""
    return resolve(recipes.compose("audit", sets=[f'asr.engine="{asr}"', f'embedder.engine="{embedder}"']))


def good_turns(build: Build, of: str, n: int, least_words: int = 1) -> Iterator[tuple[Utterance, tuple[str, ...]]]:
    """The first turns of a set, one or two a dialogue, and the texts of their dialogues."""
    options, renders = build.options(speak.SpeakOptions), build.engine("speaker").renders
    found, index = 0, FIRST_DIALOG[of]
    while found < n:
        plan = build.planner.plan(index)
        transcript = build.engine("writer").write([WriteRequest(plan, seed_of(plan.seed, "write", 0), 0)])[0]
        index += 1
        if isinstance(transcript, Failure):
            continue
        near = tuple(" ".join(spoken_words(t.text)) for t in transcript.turns)
        asked = speak.utterances(plan, transcript, build.voices, options, build.asides, 0, None, renders)
        long = [u for u in asked if len(u.request.words) >= least_words]
        for u in long[index % 3 :: 5][: min(4, n - found)]:
            found += 1
            yield u, near


def cases(build: Build, of: str, n: int, faults: Sequence[str] = tuple(FAULTS)) -> Iterator[Case]:
    """`n` good turns of any length, and `n` with each fault of LEAST_WORDS words at least."""
    speak_one = spoken_by(build.engine("speaker"))
    for count, (u, near) in enumerate(good_turns(build, of, n)):
        yield Case(f"{of} {count}", u.request, speak_one(u.request), "", near)
    if not faults:
        return
    turns = list(good_turns(build, of, n, LEAST_WORDS))
    voices = sorted(build.voices.values(), key=lambda v: v.id)
    for count, (u, near) in enumerate(turns):
        seed = seed_of(count, of)
        other = turns[(count + n // 2) % n][0].request
        strangers = [v for v in voices if v.id != u.request.voice.id]
        stranger = strangers[seed % len(strangers)]
        said = Said(u.request, speak_one(u.request), speak_one, " ".join(other.words), stranger)
        yield from faulty(said, faults, seed, near, f"{of} {count}")


def fault_of(build: Build, case: Case) -> tuple[tuple[str, ...], Speech | None]:
    """The reasons for which the gates fail a case, () where they keep it; and the speech with its scores, where it got so far."""
    options = build.options(speak.SpeakOptions)
    meter = Meter(lambda step: None)
    kept = speak.checked(case.name, case.request, case.speech, options)
    if isinstance(kept, Failure):
        return (kept.reason,), None
    found = placed(build, [(case.name, case.request)], [kept], meter)[0]
    if isinstance(found, Refused):
        return tuple(f.reason for f in found.failures), None
    take = Take(case.name, (case.name,), case.request, found, case.near)
    done = judged(build, [take], meter)[0]
    return tuple(f.reason for f in done.failures), done.speech


def figures(build: Build, of: str, n: int, faults: Sequence[str] = tuple(FAULTS)) -> Figures:
    """The figures of a set of `n` good turns and `n` with each fault."""
    out = Figures()
    for case in cases(build, of, n, faults):
        reasons, speech = fault_of(build, case)
        if case.fault:
            out.n[case.fault] += 1
            out.caught[case.fault] += bool(reasons)
            if not reasons:
                out.missed.append(case.name)
            continue
        out.n_good += 1
        out.n_lost += bool(reasons)
        out.lost.update(reasons)
        if reasons:
            out.refused.append(f"{case.name} ({case.request.voice.id}): {', '.join(reasons)}")
        if speech is not None and speech.scores.wer is not None:
            out.word_errors.append(speech.scores.wer)
    return out


def table(found: dict[str, Figures]) -> str:
    """Recall and precision a fault and a set, in Markdown, and the good turns lost."""
    lines = ["| fault | " + " | ".join(f"{of}: caught | precision" for of in found) + " |"]
    lines.append("|---" * (1 + 2 * len(found)) + "|")
    for fault in next(iter(found.values())).n:
        row = [fault]
        for f in found.values():
            row += [f"{f.recall(fault):.2f} ({f.caught[fault]} of {f.n[fault]})", f"{f.precision(fault):.2f}"]
        lines.append("| " + " | ".join(row) + " |")
    told = (f"{of} {f.n_lost} of {f.n_good} ({dict(f.lost)})" for of, f in found.items())
    return "\n".join([*lines, "", "Good turns lost: " + "; ".join(told)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asr", default="none")
    parser.add_argument("--embedder", default="none")
    parser.add_argument("-n", type=int, default=24)
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--sets", default=",".join(SETS))
    asked = parser.parse_args()
    build = build_of(asked.asr, asked.embedder)
    found = {of: figures(build, of, asked.n, [f for f in asked.faults.split(",") if f]) for of in asked.sets.split(",")}
    sys.stdout.write(table(found) + "\n")
    for of, f in found.items():
        sys.stdout.write(f"{of}: missed {'; '.join(f.missed)}\n{of}: lost {'; '.join(f.refused)}\n")
        if f.word_errors:
            sys.stdout.write(f"{of}: mean WER of good turns {np.mean(f.word_errors):.3f}\n")


if __name__ == "__main__":
    main()
