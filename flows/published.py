"""An example of what follows a new version: a flow that an automation starts on the event `datagen.build.published`."""

import subprocess

from prefect import flow, get_run_logger

from datagen.errors import UserError


class CommandFailed(Exception):
    """The command over a new version ended with another code than 0."""


@flow(name="datagen-on-published", flow_run_name="{version} of {out}")
def on_published(out: str, version: str, command: list[str]) -> None:
    """Runs a command over a version that has just been published, e.g. a training; it fails where the command does.

    Args:
        out: Where the corpus is: the event's payload.out.
        version: The id of the new version: the event's payload.version.
        command: The command and its arguments, without a shell; {out} and {version} in them are replaced.
    """
    if not command:
        raise UserError("command: is empty. Name one, e.g. [datagen, check, '{out}'].")
    words = [word.replace("{out}", out).replace("{version}", version) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise UserError(f"command {words[0]}: cannot be started ({error.strerror}) where the worker runs.") from None
    logger = get_run_logger()
    for line in (done.stdout + done.stderr).splitlines()[-200:]:
        logger.info(line)
    if done.returncode:
        raise CommandFailed(f"{words[0]} ended with {done.returncode} over version {version} of {out}.")
