"""The flags that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Place = Annotated[str, typer.Argument(metavar="OUT", help="A build: its folder, or a URL.", show_default=False)]
Version = Annotated[
    str,
    typer.Option(
        "--version", metavar="ID", help="An older version, by its id or the beginning of it; see `datagen log`."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Recipe = Annotated[
    str, typer.Option("--recipe", metavar="NAME", help="A recipe in manifests/, or a path to a TOML file.")
]
Profile = Annotated[
    str,
    typer.Option(
        "--profile", metavar="NAME", help="local: embedded engines; vllm: vLLM writes; gpu: the paper's models."
    ),
]
Sets = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set any knob, e.g. stitch.timing=brisk. Repeatable. `datagen recipe show` lists them.",
    ),
]  # fmt: skip
NO_SETS: list[str] = []
NO_FILES: list[Path] = []
