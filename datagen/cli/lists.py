"""`datagen domains` and `voices`: what there is."""

import difflib
import io
import json
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from datagen import domains, recipes
from datagen.build import resolve
from datagen.errors import DataError, UserError
from datagen.records.enums import MarkType
from datagen.records.transcript import Turn


def domains_list(as_json: bool) -> None:
    """Prints every domain with its kind and scenarios."""
    loaded = [domains.load(name) for name in domains.available()]
    if as_json:
        found = [
            {"name": d.name, "kind": d.kind, "title": d.title, "scenarios": [s.name for s in d.scenarios]}
            for d in loaded
        ]
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    print_table(
        ["domain", "kind", "scenarios", "title"], [[d.name, d.kind, str(len(d.scenarios)), d.title] for d in loaded]
    )


def domains_show(name: str) -> None:
    """Prints a domain's scenarios, and one dialogue written from it with its role context."""
    domain = domains.load(name)
    sys.stdout.write(f"{domain.title} ({domain.kind}), {len(domain.scenarios)} scenarios\n")
    for scenario in domain.scenarios:
        sys.stdout.write(f"  {scenario.name:<32} {scenario.title}\n")
    build = resolve(recipes.compose(domain_names=[name], dialogs=1))
    from datagen.protocols import Failure, WriteRequest

    plan = build.planner.plan(0)
    answer = build.engine("writer").write([WriteRequest(plan, plan.seed)])[0]
    if isinstance(answer, Failure):
        raise DataError(f"{plan.dialog_id} ({plan.scenario}): {answer.detail}")
    sys.stdout.write(f"\nFor example, {plan.scenario}:\n\n{answer.role_context}\n\n")
    for turn in answer.turns:
        sys.stdout.write(f"  {turn.speaker:<5}  {_marked(turn)}\n")
    sys.stdout.write(f"\nMarks: {', '.join(f'{sign} {said}' for sign, said in _SIGNS.values())}.\n")


_SIGNS = {
    MarkType.BARGE_IN: ("×", "the other barges in here"),
    MarkType.SAFE_CUT: ("|", "a barge-in may be sampled here"),
    MarkType.BACKCHANNEL: ("(mhm)", "the other's backchannel after the word"),
    MarkType.PAUSE: ("…", "a pause before the word"),
}


def _marked(turn: Turn) -> str:
    """The turn's text with its marks at their words."""
    before, after = defaultdict(list), defaultdict(list)
    for mark in turn.marks:
        if mark.type is MarkType.BACKCHANNEL:
            after[mark.word].append(f"({mark.text})")
        else:
            before[mark.word].append(_SIGNS[mark.type][0])
    return " ".join(" ".join([*before[i], word, *after[i]]) for i, word in enumerate(turn.words))


def voices_list(as_json: bool, profile: str) -> None:
    """Prints the speaker engine's voices, by F0."""
    build = resolve(recipes.compose(profile=profile))
    found = sorted(build.engine("speaker").voices(), key=lambda v: (v.f0_hz, v.id))
    if as_json:
        sys.stdout.write(json.dumps([asdict(v) for v in found], indent=1) + "\n")
        return
    rows = [
        [v.id, v.sex, f"{v.f0_hz:.0f}", " ".join(f"{f:.0f}" for f in v.formants_hz), v.base, v.family, v.licence]
        for v in found
    ]
    print_table(["voice", "sex", "F0 Hz", "F1 F2 F3 Hz", "base", "family", "licence"], rows)


def voices_hear(voice: str, wav: Path, text: str, profile: str) -> None:
    """Writes a voice saying `text`, or its voice prompt, to a WAV file."""
    from datagen.audio.files import write_wav
    from datagen.protocols import Failure, SpeakRequest
    from datagen.run.prompts import voice_prompt
    from datagen.store.files import write_bytes
    from datagen.text.say import spoken_words

    build = resolve(recipes.compose(profile=profile, sets=["plan.max_voices=0"]))
    if voice not in build.voices:
        near = difflib.get_close_matches(voice, build.voices, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "`datagen voices list` names them."
        raise UserError(f"there is no voice {voice}. {hint}")
    if text:
        request = SpeakRequest(tuple(text.split()), spoken_words(text), build.voices[voice], seed=0)
        speech = build.engine("speaker").speak([request])[0]
        if isinstance(speech, Failure):
            raise UserError(f"--text: {speech.detail}")
        audio = speech.audio
    else:
        audio = voice_prompt(build, voice)
    write_wav(made := io.BytesIO(), audio)
    write_bytes(wav, made.getvalue())
    sys.stdout.write(f"{wav}: {len(audio) / 24_000:.1f} s of {voice}\n")


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Prints aligned columns: as wide as the terminal, 160 characters elsewhere."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)
