"""The commands and their flags. Every function imports its room when it is called: `datagen --help` stays quick."""

from pathlib import Path
from typing import Annotated, Any

import typer

from datagen import __version__
from datagen.cli import groups
from datagen.cli.flags import NO_FILES, NO_SETS, Json, Place, Profile, Recipe, Sets, Version
from datagen.errors import INTERRUPTED, UserError

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Training data for full-duplex speech models, from a domain's description to token shards.",
    epilog="Start with: datagen build --domains bank,restaurant --dialogs 20",
)  # fmt: skip
engines_app = typer.Typer(rich_markup_mode=None, help="List the engines, or install one's environment.")
app.add_typer(engines_app, name="engines")
for _name in (GROUPS := ("domains", "voices", "sounds", "recipe", "timing")):
    app.add_typer(getattr(groups, f"{_name}_app"), name=_name)

_USAGE: Any = typer.BadParameter.__base__
"""What a wrong flag raises. Newer typers carry a click of their own, so it is not to be had from `click`."""


def call(arguments: list[str]) -> int:
    """Runs one command line; its exit code. UserError for a wrong flag or a missing argument."""
    if not arguments or (len(arguments) == 1 and arguments[0] in GROUPS):
        arguments = [*arguments, "--help"]  # asked for nothing: what there is, and no error
    try:
        result = typer.main.get_command(app).main(args=arguments, prog_name="datagen", standalone_mode=False)
    except _USAGE as error:
        command = error.ctx.command_path if error.ctx else "datagen"
        what = " ".join(error.format_message().split()).rstrip(".?")
        raise UserError(f"{what}. See {command} --help.") from None
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    if result == INTERRUPTED:  # Typer has taken the KeyboardInterrupt for itself
        raise KeyboardInterrupt
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
        str,
        typer.Option("--domains", metavar="A,B", help="Domains, in equal shares, instead of the recipe's mix."),
    ] = "",
    dialogs: Annotated[
        int | None, typer.Option("--dialogs", metavar="N", help="Plan N dialogues, instead of the recipe's number.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option("--hours", metavar="H", help="Plan as many dialogues as make about H hours.")
    ] = None,
    add_dialogs: Annotated[
        int | None, typer.Option("--add-dialogs", metavar="N", min=1, help="Plan N dialogues on top of those in OUT.")
    ] = None,
    add_hours: Annotated[
        float | None, typer.Option("--add-hours", metavar="H", help="Plan about H hours on top of what is in OUT.")
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="OUT", help="Output folder, or URL (s3://…).  [default: ./data/NAME of the recipe]")
    ] = "",
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Seed of every draw.  [default: the recipe's]")
    ] = None,
    profile: Profile = "local",
    sets: Sets = NO_SETS,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Worker processes.  [default: the processors here]")
    ] = None,
    runner: Annotated[
        str,
        typer.Option("--runner", metavar="auto|local|prefect|ray",
                     help="auto: Prefect where an API is configured, else local. ray: a Ray cluster, likewise."),
    ] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and make nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the summary (or the plan) as JSON.")] = False,
) -> int | None:  # fmt: skip
    """Build a corpus into a folder; run again, it goes on or grows.

    Its stages are plan, write, speak, align, stitch, scene, encode and pack. The same command again goes on where the last
    one was interrupted; one with more --dialogs adds to what is there.
    """
    from datagen.cli import build as command

    flags = command.Flags(
        recipe,
        profile,
        domains,
        dialogs,
        hours,
        seed,
        tuple(sets),
        out,
        workers,
        runner,
        quiet,
        json_,
        add_dialogs,
        add_hours,
    )
    if dry_run:
        return command.dry_run(flags)
    command.build(flags)
    return None


@app.command("plan-cost")
def plan_cost(
    recipe: Recipe = "quickstart",
    hours: Annotated[float | None, typer.Option("--hours", metavar="H", help="Hours of dialogue.")] = None,
    dialogs: Annotated[int | None, typer.Option("--dialogs", metavar="N", help="Or dialogues.")] = None,
    profile: Profile = "local",
    sets: Sets = NO_SETS,
    rates: Annotated[
        list[Path], typer.Option("--rates", metavar="FILE", help="A TOML file of rates over the shipped ones. Repeatable.")
    ] = NO_FILES,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="A,B", help="Sizes of the cluster: GPUs, or cores where no engine has one.")
    ] = "",
    cores_per_gpu: Annotated[int, typer.Option("--cores-per-gpu", metavar="N", help="Cores beside each GPU.")] = 8,
    measure: Annotated[
        int | None, typer.Option("--measure", metavar="N", help="Measure this machine's rates, on N dialogues.")
    ] = None,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Write what was measured, for --rates.")] = None,
    json_: Json = False,
) -> None:  # fmt: skip
    """Reckon what a corpus costs: GPU hours, wall time, disk.

    By part of a build, and by size of the cluster, beside a simulated run of it. Nothing is made.
    """
    if measure is not None:
        from datagen.cli import bench

        bench.one_core()
    from datagen.cli import plan_cost as command

    command.plan(
        command.Flags(
            recipe, profile, hours, dialogs, tuple(sets), tuple(rates), sizes, cores_per_gpu, measure, save, json_
        )
    )


@app.command()
def check(out: Place, version: Version = "", json_: Json = False) -> int:
    """Check a build's checksums, schemas and invariants (exit 3)."""
    from datagen.cli import look

    return look.check(out, json_, version)


@app.command()
def log(out: Place, json_: Json = False) -> None:
    """List the versions of a build; any can be loaded and checked."""
    from datagen.cli import versions as command

    command.log(out, json_)


@app.command()
def show(
    out: Place,
    dialog: Annotated[
        str, typer.Argument(metavar="DIALOG", help="A dialogue's id; without one, they are listed.")
    ] = "",
    wav: Annotated[
        Path | None, typer.Option("--wav", metavar="FILE", help="Write its audio, left the agent, right the user.")
    ] = None,
    decode: Annotated[
        Path | None, typer.Option("--decode", metavar="FILE", help="Write what its tokens decode to, the same way.")
    ] = None,
    version: Version = "",
) -> None:
    """List the dialogues of a build, or show one; write its audio."""
    from datagen.cli import look

    look.show(out, dialog, wav, decode, version)


@app.command()
def report(out: Place) -> None:
    """Write OUT/report/index.html, the page that shows a build."""
    from datagen.cli import look

    look.report(out)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A build.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another build, of the same scenarios.", show_default=False)],
    pairs: Annotated[int, typer.Option("--pairs", metavar="N", min=1, help="How many pairs to judge.")] = 50,
    sets: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="The judge: judge.engine, .model, .urls. Repeatable."),
    ] = NO_SETS,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the judge.")] = 0,
    json_: Json = False,
) -> None:
    """Ask an LLM judge which of two builds reads better.

    Each pair of dialogues of a scenario is judged in both orders; what length and order do to the judge is said too.
    """
    from datagen.cli import compare as command

    command.compare(a, b, pairs, sets, seed, json_)


@app.command()
def export(
    out: Annotated[str, typer.Argument(metavar="OUT", help="A build: its folder, or a URL.")] = "",
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="Which format; --list names them.")] = "",
    folder: Annotated[str, typer.Option("--out", metavar="DIR", help="A folder of its own to write.")] = "",
    split: Annotated[
        str, typer.Option("--split", metavar="A,B", help="Splits, e.g. train,valid.  [default: all]")
    ] = "",
    from_tokens: Annotated[
        bool, typer.Option("--from-tokens", help="Decode the tokens, where the build keeps no audio.")
    ] = False,
    sets: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Set an option of the format. Repeatable.")
    ] = NO_SETS,
    list_: Annotated[
        bool, typer.Option("--list", help="List the formats, their options, and what each cannot hold.")
    ] = False,
    version: Version = "",
    json_: Json = False,
) -> None:
    """Export a build for a trainer; `--list` names the formats.

    The same command again goes on where the last one was interrupted, and adds what the build has grown by.
    """
    from datagen.cli import export as command

    command.list_formats(json_) if list_ else command.export(out, to, folder, split, from_tokens, sets, json_, version)


@engines_app.callback(invoke_without_command=True)
def engines(context: typer.Context, json_: Json = False) -> None:
    """List the engines: ready here, or what would bring them."""
    if context.invoked_subcommand is None:
        from datagen.cli import engines as command

        command.show(json_)


@engines_app.command("install")
def engines_install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which engine: vllm or chatterbox.")],
    cpu: Annotated[
        bool | None,
        typer.Option("--cpu/--gpu", help="The build for processors (for trying), or for GPUs.  [default: --gpu where there is one]",
                     show_default=False),
    ] = None,
    first: Annotated[
        list[str],
        typer.Option("--with", metavar="PACKAGE", help="Install this first, and keep it, e.g. torch==2.13.0. Repeatable."),
    ] = NO_SETS,
    share: Annotated[
        bool, typer.Option("--share", help="Take torch and others from this environment where they will do: for trying, in seconds."),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Make it anew, even if it is there.")] = False,
) -> None:  # fmt: skip
    """Make the environment of an engine that needs one of its own.

    It goes to DATAGEN_ENGINES_DIR, else below the user's data folder, with pinned versions. A stopped install leaves nothing
    that counts: the same command makes it anew.
    """
    from datagen.cli import engines as command

    command.install(name, "" if cpu is None else "cpu" if cpu else "gpu", first, again, share)


@app.command()
def bench(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="build, plan, write, speech, stitch, scene, codec, load or scale.")
    ] = "build",
    out: Annotated[
        str | None,
        typer.Argument(metavar="OUT", help="load: the build to read, folder or URL; without one it makes one."),
    ] = None,
    dialogs: Annotated[
        int | None, typer.Option("--dialogs", metavar="N", help="How many.  [default: as many as it takes]")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="S", help="codec: of a channel; chatterbox: of a text.  [default: 20; 4]"),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="NAME", help="speech: espeak or chatterbox.  [default: espeak]"),
    ] = None,
    sets: Sets = NO_SETS,
    json_: Json = False,
) -> None:
    """Measure this machine: times real time, by stage or by codec.

    Stages are measured on one core; Mimi on all of the machine, beside bare rustymimi. Without its weights, `bench codec`
    makes random ones of their size, which take the same time. So does `bench speech --engine chatterbox`,
    which runs stock Chatterbox and this one's batches in Chatterbox's own environment.
    """
    from datagen.cli import bench as command

    command.bench(what, out, dialogs, seconds, sets, json_, engine)
