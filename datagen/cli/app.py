"""The commands and their flags. Every function imports its room when it is called: `datagen --help` stays quick."""

from pathlib import Path
from typing import Annotated

import click
import typer

from datagen import __version__

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Training data for full-duplex speech models, from a domain's description to token shards.",
)  # fmt: skip
domains_app = typer.Typer(no_args_is_help=True, help="The domains under prompts/.")
voices_app = typer.Typer(no_args_is_help=True, help="The voices that the speaker engine has.")
recipe_app = typer.Typer(no_args_is_help=True, help="The recipe and its knobs.")
app.add_typer(domains_app, name="domains")
app.add_typer(voices_app, name="voices")
app.add_typer(recipe_app, name="recipe")

Out = Annotated[Path, typer.Argument(help="The output folder of a build.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Recipe = Annotated[str, typer.Option("--recipe", help="A recipe's name in manifests/, or a TOML file.")]
Sets = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Any knob of the recipe, e.g. stitch.timing=brisk. Repeatable."),
]
_NO_SETS: list[str] = []
Profile = Annotated[str, typer.Option("--profile", help="local: embedded engines; gpu: vLLM, Chatterbox, Mimi.")]


def call(arguments: list[str]) -> int:
    """Runs one command line; its exit code. A wrong flag is the user's error: exit 1, usage on stderr."""
    try:
        result = typer.main.get_command(app).main(args=arguments, prog_name="datagen", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return 1
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) else 0


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"datagen {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def build(
    recipe: Recipe = "quickstart",
    domains: Annotated[
        str, typer.Option("--domains", help="Domains in equal shares, e.g. bank,restaurant. Default: the recipe's mix.")
    ] = "",
    dialogs: Annotated[int | None, typer.Option("--dialogs", metavar="N", help="Plan N dialogues.")] = None,
    hours: Annotated[float | None, typer.Option("--hours", metavar="H", help="Plan about H hours of dialogue.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Output folder. Default: ./data/NAME of the recipe.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of every draw. Default: the recipe's.")] = None,
    profile: Profile = "local",
    workers: Annotated[
        int | None, typer.Option("--workers", help="Worker processes. Default: the processors here.")
    ] = None,
    runner: Annotated[str, typer.Option("--runner", help="auto | local | prefect")] = "auto",
    sets: Sets = _NO_SETS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and make nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
    json_: Json = False,
) -> None:
    """Build a corpus: plan, write, speak, align, stitch, scene, encode, pack."""
    from datagen.cli import build as command

    flags = command.Flags(
        recipe, profile, domains, dialogs, hours, seed, tuple(sets), out, workers, runner, quiet, json_
    )
    command.dry_run(flags) if dry_run else command.build(flags)


@app.command()
def check(out: Out, json_: Json = False) -> int:
    """Check a build: every checksum, schema and invariant. Exit 3 and the list on a failure."""
    from datagen.cli import look

    return look.check(out, json_)


@app.command()
def show(
    out: Out,
    dialog: Annotated[str, typer.Argument(help="A dialogue's id; without one, the list of them.")] = "",
    wav: Annotated[
        Path | None, typer.Option("--wav", help="Write the stereo audio there (left agent, right user).")
    ] = None,
    decode: Annotated[
        Path | None, typer.Option("--decode", help="Write what the tokens decode to, as stereo WAV.")
    ] = None,
) -> None:
    """Show a dialogue: transcript, events and a time line of both channels."""
    from datagen.cli import look

    look.show(out, dialog, wav, decode)


@app.command()
def report(out: Out) -> None:
    """Write report/index.html of a build."""
    from datagen.cli import look

    look.report(out)


@app.command()
def engines(json_: Json = False) -> None:
    """Which engines can run here; for the others the reason, and the command that brings them."""
    from datagen.cli import lists

    lists.engines(json_)


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="build | plan")] = "build",
    dialogs: Annotated[int | None, typer.Option("--dialogs", metavar="N", help="Size of the measurement.")] = None,
    json_: Json = False,
) -> None:
    """Measure this machine: times real time on one core, and each stage's share."""
    from datagen.cli import bench as command

    command.bench(what, dialogs, json_)


@domains_app.command("list")
def domains_list(json_: Json = False) -> None:
    """List the domains."""
    from datagen.cli import lists

    lists.domains_list(json_)


@domains_app.command("show")
def domains_show(name: str) -> None:
    """Show a domain's scenarios, and a dialogue's plan and text from it."""
    from datagen.cli import lists

    lists.domains_show(name)


@domains_app.command("check")
def domains_check(name: Annotated[str, typer.Argument(help="A domain's name; without one, all of them.")] = "") -> int:
    """Check a domain's files; exit 3 and what is missing on a failure."""
    from datagen.cli import lists

    return lists.domains_check(name)


@voices_app.command("list")
def voices_list(json_: Json = False, profile: Profile = "local") -> None:
    """List the voices with F0 and formants."""
    from datagen.cli import lists

    lists.voices_list(json_, profile)


@voices_app.command("hear")
def voices_hear(
    voice: str,
    wav: Annotated[Path, typer.Option("--wav", help="Where to write it.")] = Path("voice.wav"),
    text: Annotated[str, typer.Option("--text", help="What it says. Default: the voice prompt.")] = "",
    profile: Profile = "local",
) -> None:
    """Write a voice's speech to a WAV file."""
    from datagen.cli import lists

    lists.voices_hear(voice, wav, text, profile)


@recipe_app.command("show")
def recipe_show(
    recipe: Recipe = "quickstart", profile: Profile = "local", sets: Sets = _NO_SETS, json_: Json = False
) -> None:
    """Show every knob with its value, default, unit and meaning."""
    from datagen.cli import knobs

    knobs.show(recipe, profile, sets, json_)
