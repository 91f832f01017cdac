"""`datagen engines`: what can run here, and the environments of those that need one of their own."""

import json
import sys
from collections.abc import Sequence

from datagen.cli.lists import print_table
from datagen.engines import registry
from datagen.engines.own_env import environments


def show(as_json: bool) -> None:
    """Prints every engine: ready, or the reason why not and what brings it; with its environment where it has one."""
    found = [
        {
            "kind": e.kind,
            "engine": e.name,
            "ready": not registry.obstacle(e),
            "what": e.summary,
            "reason": registry.obstacle(e),
            "bring": e.install,
            "environment": _environment(e.name),
        }
        for e in registry.ENTRIES
    ]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    rows = [[str(f["kind"]), str(f["engine"]), str(f["reason"]) or "ready", str(f["what"])] for f in found]
    print_table(["kind", "engine", "here", "what"], rows)
    sys.stdout.write("\n")
    print_table(["environment", "here", "where"], [[name, *_state(name)] for name in sorted(environments.FLAVOURS)])


def install(name: str, flavour: str, first: Sequence[str], again: bool, share: bool) -> None:
    """Makes an engine's environment, with a line a step on stderr, and says what is there now."""
    from datagen.engines.own_env.install import install as make

    made = make(name, flavour, first, again, lambda step: _say(f"  {step}"), share)
    sys.stdout.write(f"{made.label()} in {made.folder}\n")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _environment(name: str) -> dict[str, str] | None:
    there = environments.find(name) if name in environments.FLAVOURS else None
    if there is None:
        return None
    return {
        "version": there.version,
        "flavour": there.flavour,
        "python": there.python_version,
        "folder": str(there.folder),
    }


def _state(name: str) -> tuple[str, str]:
    there = environments.find(name)
    if there is None:
        half = environments.manifest_path(name).exists()
        return ("not whole" if half else "not there"), f"run: datagen engines install {name}"
    return there.label(), str(there.folder)
