"""`datagen domains check` and `new`."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from datagen import domains, recipes
from datagen.build import resolve
from datagen.domains.across import problems_across
from datagen.domains.base import Domain, Problem
from datagen.domains.scaffold import new_folder, scaffold
from datagen.domains.service import ServiceDomain
from datagen.errors import DataError, UserError
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import unit
from datagen.stages.write.options import WriteOptions

N_SCENARIOS = 10
MAX_FAILED = 0.05


def check(name: str) -> int:
    """Prints every problem of one domain, by its name or its folder, or of all; exit code 3 where there is one.

    Service domains are tried out too: dialogues of every scenario are written and looked at. Without a name, so are all of them
    together: what one has of another.
    """
    from datagen.engines.writers.agenda.trial import distinct_2, try_domain

    n_problems = 0
    tried: list[ServiceDomain] = []
    written: list[Transcript] = []
    for each in [name] if name else domains.available():
        domain = _loaded(each)
        problems, more = domain.check(), ""
        if isinstance(domain, ServiceDomain) and not problems:
            trial = try_domain(domain)
            problems = [*trial.problems, *_gated(trial.written)]
            more = f", distinct-2 {distinct_2(trial.service()):.2f} of {len(trial.service())} dialogues"
            tried.append(domain)
            written += trial.service()
        n_problems += _told(problems)
        sys.stdout.write(f"{domain.name}: {'ok' + more if not problems else f'{len(problems)} problems'}\n")
    if not name:
        problems = [*problems_across(tried), *_near_duplicates(written)]
        n_problems += _told(problems)
        state = "ok" if not problems else f"{len(problems)} problems"
        sys.stdout.write(f"all {len(tried)} service domains together: {state}, distinct-2 {distinct_2(written):.2f}\n")
    return DataError.exit_code if n_problems else 0


def new(name: str, title: str, into: Path, from_llm: bool, sets: Sequence[str], seed: int) -> None:
    """Writes a new domain's folder: the worked example to replace, or a model's draft to mend."""
    if from_llm:
        _draft(name, title, into, sets, seed)
        return
    for path in scaffold(name, title, into):
        sys.stdout.write(f"{path}\n")
    sys.stdout.write(f"Next: write it, then datagen domains check {into / name}\n")


def _draft(name: str, title: str, into: Path, sets: Sequence[str], seed: int) -> None:
    from datagen.engines.writers.llm.drafting import Draft, Drafting, write_draft

    folder = new_folder(name, into)
    build = resolve(recipes.compose(sets=sets))
    writer = build.engine("writer")
    if not hasattr(writer, "complete"):
        how = '--set writer.engine=openai --set writer.model=NAME --set writer.urls=["URL"]'
        raise UserError(f"domains new --from-llm: the writer is no language model. Give {how}.")
    for problem in writer.preflight([]):
        raise problem

    async def drafted() -> dict[str, Draft]:
        drafting = Drafting(writer, name, title or name.replace("_", " "), seed, build.recipe.domain_folders, _say)
        try:
            return await drafting.files(N_SCENARIOS)
        finally:
            await writer.close()

    files = asyncio.run(drafted())
    write_draft(files, folder, writer.maker.model)
    n_faults = sum(len(d.faults) for d in files.values())
    sys.stdout.write(
        f"{folder}: {len(files)} files, {n_faults} faults to mend\nNext: read it all, then datagen domains check {folder}\n"
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _loaded(name: str) -> Domain:
    folder = Path(name)
    return domains.load_folder(folder) if (folder / "domain.toml").is_file() else domains.load(name)


def _told(problems: Sequence[Problem]) -> int:
    for problem in problems:
        sys.stdout.write(f"{problem.where}: {problem.what}\n")
    return len(problems)


def _gated(written: Sequence[tuple[DialogPlan, Transcript]]) -> list[Problem]:
    """What the gates of the write stage say of a trial's dialogues, a line a scenario and reason, with an example.

    One in twenty may fail: a build writes it again with another seed.
    """
    options = WriteOptions()
    failed: dict[tuple[str, str], list[str]] = {}
    n_of: Counter[str] = Counter()
    for plan, transcript in written:
        where = f"{plan.domain}/scenarios/{plan.scenario}.toml (kind {plan.kind})"
        n_of[where] += 1
        failure = unit.check(transcript, plan, options)
        if failure is not None:
            failed.setdefault((where, failure.reason), []).append(failure.detail)
    return [
        Problem(where, f"{len(details)} of {n_of[where]} dialogues fail the gate {reason}, e.g. {details[0]}")
        for (where, reason), details in failed.items()
        if len(details) > MAX_FAILED * n_of[where]
    ]


def _near_duplicates(written: Sequence[Transcript]) -> list[Problem]:
    """Dialogues of the trials that are nearly one of another domain."""
    options = WriteOptions()
    signatures = {f"{t.dialog_id}-{i}": unit.finish(t, options).signature for i, t in enumerate(written)}
    losers = unit.near_duplicates(signatures, options)
    found = [(a.rpartition("-")[0], b.rpartition("-")[0]) for a, b in losers.items()]
    return [Problem(a, f"nearly the same dialogue as {b}.") for a, b in found if a.split("-")[0] != b.split("-")[0]]
