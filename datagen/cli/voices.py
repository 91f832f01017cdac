"""`datagen voices`: the speaker engine's voices and those of banks, and the making and checking of banks."""

import difflib
import io
import json
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen import recipes
from datagen.build import NO_ENGINE, options_of, resolve
from datagen.cli.lists import print_table
from datagen.config import Recipe, read_options
from datagen.engines import registry
from datagen.errors import DataError, UserError
from datagen.records.plan import Voice

if TYPE_CHECKING:
    from datagen.engines.speakers.bank.bases import Source
    from datagen.engines.speakers.bank.builder import Plan, Progress
    from datagen.engines.speakers.bank.options import BankOptions

_BANK = "bank."
_TELL_EVERY_S = 10.0


def show(bank: Path | None, as_json: bool, profile: str) -> None:
    """Prints a bank's voices, or the speaker engine's, by F0, each with the split that a recipe's default shares give it."""
    build = resolve(recipes.compose(profile=profile))
    if bank is None:
        found, made, rows = build.engine("speaker").voices(), "plan (F0 and formants)", {}
    else:
        from datagen.engines.speakers.bank.reader import read_bank, voices_of_bank

        read = read_bank(bank)
        found, rows = voices_of_bank(bank, "bank"), {r["id"]: r for r in read.rows}
        made = str(read.about["distance"]["name"])
    from datagen.stages.plan.casting import with_splits

    ordered = sorted(with_splits(found, build.shares), key=lambda v: (v.f0_hz, v.id))
    if as_json:
        listed = [asdict(v) | ({k: rows[v.id][k] for k in _MORE} if rows else {}) | {"distance": made} for v in ordered]
        sys.stdout.write(json.dumps(listed, indent=1) + "\n")
        return
    print_table(["voice", "who", "F0 Hz", "F1 F2 F3 Hz", "person", "split", "licence"], [_row(v) for v in ordered])
    sys.stdout.write(f"{len(ordered)} voices. Distance made by: {made}.\n")
    if rows:
        counts = read.about["counts"]
        sys.stdout.write(
            f"{counts['distinct']} of them are distinct by it (greedy cover), of {counts['people']} people, "
            f"{counts['held_out_people']} of whom are held out. Hear them: {bank}/index.html\n"
        )


_MORE = ("hnr_db", "clip_s", "prompt_s", "cover_rank", "nearest", "nearest_distance", "provenance")


def _row(voice: Voice) -> list[str]:
    formants = " ".join(f"{f:.0f}" for f in voice.formants_hz)
    split = f"{voice.split} (held out)" if voice.held_out else str(voice.split)
    who = f"{voice.age} {voice.sex}"
    return [voice.id, who, f"{voice.f0_hz:.0f}", formants, voice.person or voice.base, split, voice.licence]


def hear(voice: str, wav: Path, text: str, prompt: bool, bank: Path | None, profile: str) -> None:
    """Writes a voice saying `text`, its voice prompt, or, of a bank, its reference clip (or its prompt) to a WAV file."""
    from datagen.audio.files import write_wav
    from datagen.store.files import write_bytes

    audio = _of_bank(voice, text, prompt, bank) if bank is not None else _of_engine(voice, text, profile)
    write_wav(made := io.BytesIO(), audio)
    write_bytes(wav, made.getvalue())
    sys.stdout.write(f"{wav}: {len(audio) / 24_000:.1f} s of {voice}\n")


def _of_bank(voice: str, text: str, prompt: bool, bank: Path) -> Any:
    from datagen.engines.speakers.bank.reader import clip_of, prompt_of, voices_of_bank

    if text:
        raise UserError("--text: a bank holds clips, and speaks no text. Without --bank the speaker engine says it.")
    found = _named(voice, {v.id: v for v in voices_of_bank(bank, "bank")}, f"datagen voices list {bank}")
    if not prompt:
        return clip_of(bank, found)
    audio = prompt_of(bank, found)
    if audio is None:
        raise UserError(f"{voice}: has no voice prompt: its base's own clip was too short for one. Leave --prompt out.")
    return audio


def _of_engine(voice: str, text: str, profile: str) -> Any:
    from datagen.protocols import Failure, SpeakRequest
    from datagen.run.meter import Meter
    from datagen.run.prompts import voice_prompt
    from datagen.text.say import spoken_words

    build = resolve(recipes.compose(profile=profile, sets=["plan.max_voices=0"]))
    found = _named(voice, build.voices, "datagen voices list")
    if not text:
        return voice_prompt(build, voice, Meter(lambda _: None))
    speech = build.engine("speaker").speak([SpeakRequest(tuple(text.split()), spoken_words(text), found, seed=0)])[0]
    if isinstance(speech, Failure):
        raise UserError(f"--text: {speech.detail}")
    return speech.audio


def _named(voice: str, voices: Mapping[str, Voice], command: str) -> Voice:
    if voice not in voices:
        near = difflib.get_close_matches(voice, voices, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else f"`{command}` names them."
        raise UserError(f"there is no voice {voice}. {hint}")
    return voices[voice]


def build(
    out: Path, count: int, seed: int, clips: Path | None, skip_bad: bool, jobs: int | None, profile: str, sets: Sequence[str]
) -> None:  # fmt: skip
    """Makes a bank and prints what is in it, what was rejected and how fast it went."""
    from datagen.engines.speakers.bank import builder
    from datagen.run.pool import default_workers

    plan = _plan(out, count, seed, clips, skip_bad, profile, sets)
    begun = time.monotonic()
    progress = _Told(begun)
    about = builder.build(plan, jobs or default_workers(), progress)
    _print_summary(out, about, progress.fresh, time.monotonic() - begun)


def _plan(
    out: Path, count: int, seed: int, clips: Path | None, skip_bad: bool, profile: str, sets: Sequence[str]
) -> "Plan":
    from datagen.engines.speakers.bank.builder import Plan
    from datagen.engines.speakers.bank.options import BankOptions
    from datagen.engines.speakers.bank.schema import MAX_COUNT

    if not 1 <= count <= MAX_COUNT:
        raise UserError(f"--count {count}: has to be 1 to {MAX_COUNT}.")
    options: BankOptions = read_options(BankOptions, _bank_values(sets), "bank")
    others = [s for s in sets if not s.startswith(_BANK)]
    recipe = recipes.compose(profile=profile, sets=others)
    inputs: dict[str, Any] = {}
    parts: list[Callable[[], Sequence[Source]]] = []
    if clips is not None:
        from datagen.engines.speakers.bank.clips import read_clips

        found = read_clips(clips, skip_bad, _say)
        inputs["clips"] = found.digests
        parts.append(lambda: found.sources)
    if clips is None or any(s.startswith("speaker.") for s in others):
        speaker, spoken = _speaker(recipe, options)
        inputs["speaker"] = speaker
        parts.append(spoken)
    embedder = None
    if recipe.embedder.engine != NO_ENGINE:
        embedder = registry.make("embedder", recipe.embedder.engine, options_of(recipe, "embedder"))
    return Plan(out, count, seed, options, inputs, lambda: [s for part in parts for s in part()], embedder)


def _speaker(recipe: Recipe, options: "BankOptions") -> "tuple[dict[str, Any], Callable[[], Sequence[Source]]]":
    from datagen.engines.speakers.bank.bases import spoken_sources
    from datagen.engines.speakers.bank.builder import maker_of

    name = recipe.speaker.engine
    engine = registry.make("speaker", name, options_of(recipe, "speaker"))

    def spoken() -> "Sequence[Source]":
        _say(f"{name} says the base clips …")
        return spoken_sources(engine, options)

    return maker_of(engine), spoken


def _bank_values(sets: Sequence[str]) -> dict[str, Any]:
    """The values of `--set bank.KEY=VALUE`, as TOML reads them."""
    values: dict[str, Any] = {}
    for assignment in (s for s in sets if s.startswith(_BANK)):
        key, sign, text = assignment.removeprefix(_BANK).partition("=")
        if not sign:
            raise UserError(f"--set {assignment}: no value. Write --set {assignment}=VALUE.")
        try:
            values[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[key.strip()] = text
    return values


class _Told:
    """Says on standard error how far a build is, at most every ten seconds; `fresh` counts the voices made by this run."""

    def __init__(self, begun: float) -> None:
        self._begun, self._last, self._kept = begun, begun, 0
        self.fresh = 0

    def __call__(self, progress: "Progress") -> None:
        if progress.kept:
            self._kept = progress.made
            _say(f"{progress.done} of {progress.count} places are there already: going on.")
            return
        self.fresh = progress.made - self._kept
        now = time.monotonic()
        if now - self._last >= _TELL_EVERY_S or progress.done == progress.count:
            self._last = now
            rate = self.fresh / max(now - self._begun, 1e-9)
            done = f"{progress.done} of {progress.count} places, {progress.made} voices"
            _say(f"{done}, {progress.rejected} draws rejected, {rate:.1f} voices/s")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _print_summary(out: Path, about: Mapping[str, Any], fresh: int, seconds: float) -> None:
    counts = about["counts"]
    who = ", ".join(f"{n} {profile}" for profile, n in counts["profiles"].items())
    rejected = ", ".join(f"{n} {reason}" for reason, n in counts["rejected"].items()) or "none"
    lines = [
        f"{out}: {counts['voices']} voices of {counts['people']} base speakers: {who}",
        f"  distinct: {counts['distinct']} (greedy cover, distance {about['distance']['name']}, unit {about['distance']['unit']})",
        f"  held out of train: {counts['held_out_voices']} voices of {counts['held_out_people']} people",
        f"  rejected: {rejected}, of {counts['draws']} draws; {counts['empty']} of {counts['asked']} places stayed empty",
    ]
    if counts["people"] < 3:
        lines.append(
            f"  {_people(counts['people'])} cannot speak in train, valid and test, which share none: bring three, or build corpora with "
            "--set splits.train=1 --set splits.valid=0 --set splits.test=0"
        )
    if about["voiceless"]:
        lines.append(f"  no voice came of {', '.join(about['voiceless'])}")
    if about["lacking"]:
        lines.append(f"  no base clip can become {', '.join(about['lacking'])}: their share went to the others")
    if fresh:
        lines.append(f"  {fresh} voices in {seconds:.0f} s: {fresh / seconds:.1f} voices/s")
    lines.append(f"  hear them: {out}/index.html")
    sys.stdout.write("\n".join(lines) + "\n")


def _people(n: int) -> str:
    return "one person" if n == 1 else f"{n} people"


def check(bank: Path | None, jobs: int | None, profile: str) -> int:
    """Measures a bank's clips again, or the default voices' declarations; a line a fault, and 3 where there is one."""
    from datagen.run.pool import default_workers

    if bank is None:
        found = resolve(recipes.compose(profile=profile)).engine("speaker").voices()
        if not found:
            raise DataError("the speaker engine has no voices.")
        sys.stdout.write(
            f"{len(found)} voices of the speaker engine: read, each id once. Name a BANK to have its clips measured.\n"
        )
        return 0
    from datagen.engines.speakers.bank.check import check_bank

    faults, n_voices = check_bank(bank, jobs or default_workers())
    for fault in faults:
        sys.stdout.write(fault + "\n")
    sys.stdout.write(f"{bank}: {n_voices} voices, {len(faults)} faults\n")
    return 3 if faults else 0
