"""The commands and their flags. Every function imports its room when it is called: `datagen --help` stays quick."""

from pathlib import Path
from typing import Annotated, Any

import typer

from datagen import __version__
from datagen.errors import INTERRUPTED, UserError

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Training data for full-duplex speech models, from a domain's description to token shards.",
    epilog="Start with: datagen build --domains bank,restaurant --dialogs 20",
)  # fmt: skip
domains_app = typer.Typer(rich_markup_mode=None, help="The domains: list, show, check, or make one.")
voices_app = typer.Typer(rich_markup_mode=None, help="The voices of the speaker engine: list them, hear one.")
sounds_app = typer.Typer(rich_markup_mode=None, help="The sounds of the user's surroundings: list them, hear one.")
recipe_app = typer.Typer(rich_markup_mode=None, help="The knobs of a recipe.")
timing_app = typer.Typer(rich_markup_mode=None, help="The presets of turn-taking: list, show, or fit one.")
engines_app = typer.Typer(rich_markup_mode=None, help="List the engines, or install one's environment.")
app.add_typer(engines_app, name="engines")
app.add_typer(domains_app, name="domains")
app.add_typer(voices_app, name="voices")
app.add_typer(sounds_app, name="sounds")
app.add_typer(recipe_app, name="recipe")
app.add_typer(timing_app, name="timing")

_GROUPS = ("domains", "voices", "sounds", "recipe", "timing")
_USAGE: Any = typer.BadParameter.__base__
"""What a wrong flag raises. Newer typers carry a click of their own, so it is not to be had from `click`."""

Out = Annotated[Path, typer.Argument(metavar="OUT", help="The output folder of a build.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Recipe = Annotated[
    str, typer.Option("--recipe", metavar="NAME", help="A recipe in manifests/, or a path to a TOML file.")
]
Profile = Annotated[
    str,
    typer.Option("--profile", metavar="NAME", help="local: embedded engines; vllm: vLLM writes; gpu: the paper's models."),
]
Sets = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set any knob, e.g. stitch.timing=brisk. Repeatable. `datagen recipe show` lists them.",
    ),
]  # fmt: skip
_NO_SETS: list[str] = []


def call(arguments: list[str]) -> int:
    """Runs one command line; its exit code. UserError for a wrong flag or a missing argument."""
    if not arguments or (len(arguments) == 1 and arguments[0] in _GROUPS):
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
    out: Annotated[
        Path | None, typer.Option("--out", metavar="OUT", help="Output folder.  [default: ./data/NAME of the recipe]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Seed of every draw.  [default: the recipe's]")
    ] = None,
    profile: Profile = "local",
    sets: Sets = _NO_SETS,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Worker processes.  [default: the processors here]")
    ] = None,
    runner: Annotated[
        str,
        typer.Option("--runner", metavar="auto|local|prefect", help="auto: Prefect where an API is configured, else local."),
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
        recipe, profile, domains, dialogs, hours, seed, tuple(sets), out, workers, runner, quiet, json_
    )
    if dry_run:
        return command.dry_run(flags)
    command.build(flags)
    return None


@app.command()
def check(out: Out, json_: Json = False) -> int:
    """Check a build's checksums, schemas and invariants (exit 3)."""
    from datagen.cli import look

    return look.check(out, json_)


@app.command()
def show(
    out: Out,
    dialog: Annotated[
        str, typer.Argument(metavar="DIALOG", help="A dialogue's id; without one, they are listed.")
    ] = "",
    wav: Annotated[
        Path | None, typer.Option("--wav", metavar="FILE", help="Write its audio, left the agent, right the user.")
    ] = None,
    decode: Annotated[
        Path | None, typer.Option("--decode", metavar="FILE", help="Write what its tokens decode to, the same way.")
    ] = None,
) -> None:
    """List the dialogues of a build, or show one; write its audio."""
    from datagen.cli import look

    look.show(out, dialog, wav, decode)


@app.command()
def report(out: Out) -> None:
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
    ] = _NO_SETS,
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
    ] = _NO_SETS,
    list_: Annotated[
        bool, typer.Option("--list", help="List the formats, their options, and what each cannot hold.")
    ] = False,
    json_: Json = False,
) -> None:
    """Export a build for a trainer; `--list` names the formats.

    The same command again goes on where the last one was interrupted, and adds what the build has grown by.
    """
    from datagen.cli import export as command

    command.list_formats(json_) if list_ else command.export(out, to, folder, split, from_tokens, sets, json_)


@engines_app.callback(invoke_without_command=True)
def engines(context: typer.Context, json_: Json = False) -> None:
    """List the engines: ready here, or what would bring them."""
    if context.invoked_subcommand is None:
        from datagen.cli import engines as command

        command.show(json_)


@engines_app.command("install")
def engines_install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which engine: vllm.")],
    cpu: Annotated[
        bool | None,
        typer.Option("--cpu/--gpu", help="The build for processors (for trying), or for GPUs.  [default: --gpu where there is one]",
                     show_default=False),
    ] = None,
    first: Annotated[
        list[str],
        typer.Option("--with", metavar="PACKAGE", help="Install this first, and keep it, e.g. torch==2.13.0. Repeatable."),
    ] = _NO_SETS,
    again: Annotated[bool, typer.Option("--again", help="Make it anew, even if it is there.")] = False,
) -> None:  # fmt: skip
    """Make the environment of an engine that needs one of its own.

    It goes to DATAGEN_ENGINES_DIR, else below the user's data folder, with pinned versions. A stopped install leaves nothing
    that counts: the same command makes it anew.
    """
    from datagen.cli import engines as command

    command.install(name, "" if cpu is None else "cpu" if cpu else "gpu", first, again)


@app.command()
def bench(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="build, plan, write, stitch, scene, codec or load.")
    ] = "build",
    out: Annotated[
        str | None,
        typer.Argument(metavar="OUT", help="load: the build to read, folder or URL; without one it makes one."),
    ] = None,
    dialogs: Annotated[
        int | None, typer.Option("--dialogs", metavar="N", help="How many.  [default: as many as it takes]")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="S", help="codec: of each channel.  [default: 20]")
    ] = None,
    sets: Sets = _NO_SETS,
    json_: Json = False,
) -> None:
    """Measure this machine: times real time, by stage or by codec.

    Stages are measured on one core; Mimi on all of the machine, beside bare rustymimi. Without its weights, `bench codec`
    makes random ones of their size, which take the same time.
    """
    from datagen.cli import bench as command

    command.bench(what, out, dialogs, seconds, sets, json_)


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
    ] = _NO_SETS,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the draft.")] = 0,
) -> None:
    """Make a new domain's folder, to be written by you.

    Builds find it by --set 'domain_folders=["domains"]'.
    """
    from datagen.cli import domains as command

    command.new(name, title, into, from_llm, sets, seed)


@voices_app.command("list")
def voices_list(json_: Json = False, profile: Profile = "local") -> None:
    """List the voices with their pitch and formants."""
    from datagen.cli import lists

    lists.voices_list(json_, profile)


@voices_app.command("hear")
def voices_hear(
    voice: Annotated[str, typer.Argument(metavar="VOICE", help="A voice's id; `datagen voices list` names them.")],
    wav: Annotated[Path, typer.Option("--wav", metavar="FILE", help="Where to write it.")] = Path("voice.wav"),
    text: Annotated[
        str, typer.Option("--text", metavar="TEXT", help="What it says.  [default: the text of the voice prompts]")
    ] = "",
    profile: Profile = "local",
) -> None:
    """Write a voice's speech to a WAV file."""
    from datagen.cli import lists

    lists.voices_hear(voice, wav, text, profile)


@sounds_app.command("list")
def sounds_list(recipe: Recipe = "quickstart", sets: Sets = _NO_SETS, json_: Json = False) -> None:
    """List the sounds: the shipped ones, and your own."""
    from datagen.cli import sounds

    sounds.show(recipe, sets, json_)


@sounds_app.command("hear")
def sounds_hear(
    sound: Annotated[str, typer.Argument(metavar="SOUND", help="A sound's name; `datagen sounds list` has them.")],
    wav: Annotated[Path, typer.Option("--wav", metavar="FILE", help="Where to write it.")] = Path("sound.wav"),
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Which variant.")] = 0,
    recipe: Recipe = "quickstart",
    sets: Sets = _NO_SETS,
) -> None:
    """Write a sound to a WAV file."""
    from datagen.cli import sounds

    sounds.hear(sound, wav, seed, recipe, sets)


@recipe_app.command("show")
def recipe_show(
    recipe: Recipe = "quickstart", profile: Profile = "local", sets: Sets = _NO_SETS, json_: Json = False
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
