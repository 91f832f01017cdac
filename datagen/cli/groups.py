"""The commands about what a build is made of: domains, voices, sounds, knobs, timing. Rooms are imported when they are called."""

from pathlib import Path
from typing import Annotated

import typer

from datagen.cli.flags import NO_SETS, Json, Profile, Recipe, Sets

domains_app = typer.Typer(rich_markup_mode=None, help="The domains: list, show, check, or make one.")
voices_app = typer.Typer(rich_markup_mode=None, help="Voices: list, hear, or make and check a bank.")
sounds_app = typer.Typer(rich_markup_mode=None, help="The sounds of the user's surroundings: list them, hear one.")
recipe_app = typer.Typer(rich_markup_mode=None, help="The knobs of a recipe.")
timing_app = typer.Typer(rich_markup_mode=None, help="The presets of turn-taking: list, show, or fit one.")


@domains_app.command("list")
def domains_list(json_: Json = False) -> None:
    """List the domains."""
    from datagen.cli import lists

    lists.domains_list(json_)


@domains_app.command("show")
def domains_show(name: Annotated[str, typer.Argument(metavar="NAME", help="A domain's name.")]) -> None:
    """Show a domain's scenarios, and one dialogue written from it."""
    from datagen.cli import lists

    lists.domains_show(name)


@domains_app.command("check")
def domains_check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A domain's name or folder; without one, all of them.")
    ] = "",
) -> int:
    """Check a domain's files; say what is missing (exit 3).

    Without a name all domains are checked, and together: names, phrasings and scenarios that one has of another.
    """
    from datagen.cli import domains as command

    return command.check(name)


@domains_app.command("new")
def domains_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: small letters, digits and _.")],
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="What it is, e.g. 'Bike shop'.")] = "",
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The folder to make it in.")] = Path("domains"),
    from_llm: Annotated[
        bool, typer.Option("--from-llm", help="Let the writer draft it, for a person to edit.")
    ] = False,
    sets: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="The writer: writer.engine, .model, .urls. Repeatable."),
    ] = NO_SETS,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the draft.")] = 0,
) -> None:
    """Make a new domain's folder, to be written by you.

    Builds find it by --set 'domain_folders=["domains"]'.
    """
    from datagen.cli import domains as command

    command.new(name, title, into, from_llm, sets, seed)


_BankArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="BANK", help="A voice bank's folder.  [default: the speaker engine's voices]", show_default=False
    ),
]
_Jobs = Annotated[
    int | None, typer.Option("--jobs", metavar="N", min=1, help="Worker processes.  [default: one a processor]")
]


@voices_app.command("list")
def voices_list(bank: _BankArgument = None, json_: Json = False, profile: Profile = "local") -> None:
    """List voices with pitch, formants, person, age and split."""
    from datagen.cli import voices

    voices.show(bank, json_, profile)


@voices_app.command("hear")
def voices_hear(
    voice: Annotated[str, typer.Argument(metavar="VOICE", help="A voice's id; `datagen voices list` names them.")],
    wav: Annotated[Path, typer.Option("--wav", metavar="FILE", help="Where to write it.")] = Path("voice.wav"),
    text: Annotated[
        str, typer.Option("--text", metavar="TEXT", help="What it says.  [default: the text of the voice prompts]")
    ] = "",
    bank: Annotated[
        Path | None, typer.Option("--bank", metavar="BANK", help="A voice of this bank: its reference clip.")
    ] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="With --bank: its voice prompt.")] = False,
    profile: Profile = "local",
) -> None:
    """Write a voice's speech to a WAV file."""
    from datagen.cli import voices

    voices.hear(voice, wav, text, prompt, bank, profile)


@voices_app.command("build")
def voices_build(
    out: Annotated[Path, typer.Option("--out", metavar="BANK", help="The folder to make.")],
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many voices.")] = 2000,
    clips: Annotated[
        Path | None,
        typer.Option(
            "--clips", metavar="DIR", help="Base speakers of yours: NAME.wav or .flac, and LICENCE.txt or voices.toml."
        ),
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Go on without clips of DIR that are refused.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of every draw.")] = 0,
    jobs: _Jobs = None,
    profile: Profile = "local",
    sets: Sets = NO_SETS,
) -> None:
    """Make a bank of voices out of base speakers, by Praat.

    Each voice is measured after its transform, and told apart from the others.

    Base speakers are the speaker engine's voices (--set speaker.engine=NAME), or the clips of --clips; with both flags, both. The
    bank's own knobs are --set bank.NAME=VALUE: child_share, elderly_share, held_out_share, sources, tries, f0_tolerance,
    formant_tolerance, envelope_tolerance, min_hnr_db, max_hnr_fall_db, max_pitch_jumps. A build that was stopped goes on with the
    same command.
    """
    from datagen.cli import voices

    voices.build(out, count, seed, clips, skip_bad, jobs, profile, sets)


@voices_app.command("check")
def voices_check(bank: _BankArgument = None, jobs: _Jobs = None, profile: Profile = "local") -> int:
    """Measure a bank's voices again; say what is amiss (exit 3)."""
    from datagen.cli import voices

    return voices.check(bank, jobs, profile)


@sounds_app.command("list")
def sounds_list(recipe: Recipe = "quickstart", sets: Sets = NO_SETS, json_: Json = False) -> None:
    """List the sounds: the shipped ones, and your own."""
    from datagen.cli import sounds

    sounds.show(recipe, sets, json_)


@sounds_app.command("hear")
def sounds_hear(
    sound: Annotated[str, typer.Argument(metavar="SOUND", help="A sound's name; `datagen sounds list` has them.")],
    wav: Annotated[Path, typer.Option("--wav", metavar="FILE", help="Where to write it.")] = Path("sound.wav"),
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Which variant.")] = 0,
    recipe: Recipe = "quickstart",
    sets: Sets = NO_SETS,
) -> None:
    """Write a sound to a WAV file."""
    from datagen.cli import sounds

    sounds.hear(sound, wav, seed, recipe, sets)


@recipe_app.command("show")
def recipe_show(
    recipe: Recipe = "quickstart", profile: Profile = "local", sets: Sets = NO_SETS, json_: Json = False
) -> None:
    """Show every knob with its value, default, unit and meaning."""
    from datagen.cli import knobs

    knobs.show(recipe, profile, sets, json_)


@timing_app.command("fit")
def timing_fit(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES", help=".rttm, .ctm, Lhotse supervisions (.jsonl, .jsonl.gz), turns.parquet or a build."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The TOML file to write.")] = Path("preset.toml"),
    min_transfers: Annotated[
        int, typer.Option("--min-transfers", metavar="N", help="Refuse to fit fewer floor transfers than these.")
    ] = 50,
    json_: Json = False,
) -> None:  # fmt: skip
    """Fit a timing preset to a corpus's turn times."""
    from datagen.cli import timing

    timing.fit(files, out, min_transfers, json_)


@timing_app.command("list")
def timing_list(json_: Json = False) -> None:
    """List the presets with their figures, source and quality."""
    from datagen.cli import timing

    timing.list_(json_)


@timing_app.command("show")
def timing_show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A preset's name, or a TOML file that `timing fit` wrote.")
    ],
    json_: Json = False,
) -> None:
    """Show a preset's quantiles, means, shifts, source and quality."""
    from datagen.cli import timing

    timing.show(name, json_)
