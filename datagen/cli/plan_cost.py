"""`datagen plan-cost`: what a corpus would take, as a table."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from datagen import recipes
from datagen.errors import UserError
from datagen.run.cost import Part
from datagen.run.cost_plan import Cost, Size, on_paper, plan_cost
from datagen.run.cost_rates import OWN, Rates, read, shipped, to_toml
from datagen.store.files import write_bytes


@dataclass(frozen=True, slots=True)
class Flags:
    """The command's flags as they came."""

    recipe: str
    profile: str
    hours: float | None
    dialogs: int | None
    sets: tuple[str, ...]
    rates: tuple[Path, ...]
    sizes: str
    cores_per_gpu: int
    measure: int | None
    save: Path | None
    json: bool


def plan(flags: Flags) -> None:
    """Prints the costs of a recipe by the shipped rates, those of files over them, and this machine's where they are measured."""
    if flags.save is not None and flags.measure is None:
        raise UserError(f"--save {flags.save}: saves what is measured. Give --measure N too.")
    if flags.cores_per_gpu < 1:
        raise UserError(f"--cores-per-gpu {flags.cores_per_gpu}: has to be at least 1.")
    recipe = recipes.compose(flags.recipe, flags.profile, [], flags.dialogs, flags.hours, None, flags.sets)
    sizes = _numbers(flags.sizes)
    run = on_paper(recipe, Path("data") / f".{recipe.name}-on-paper")
    rates = read(flags.rates, shipped())
    if flags.measure is not None:
        rates = _measured(flags, rates)
    found = plan_cost(recipe, run, rates, sizes, flags.cores_per_gpu)
    sys.stdout.write(json.dumps(found.to_dict(), indent=1) + "\n" if flags.json else told(found))


def _measured(flags: Flags, rates: Rates) -> Rates:
    from datagen.run.cost_measure import LEAST, measure

    if flags.measure is None or flags.measure < LEAST:
        raise UserError(f"--measure {flags.measure}: at least {LEAST} dialogues, to have something to divide by.")
    table = measure(recipes.compose(flags.recipe, flags.profile, [], flags.measure, None, None, flags.sets))
    if flags.save is not None:
        write_bytes(flags.save, to_toml(table).encode())
    return rates.then(table)


def _numbers(text: str) -> list[int]:
    try:
        found = [int(n) for n in text.split(",") if n.strip()]
    except ValueError:
        found = [0]
    if any(n < 1 for n in found):
        raise UserError(f"--sizes {text}: whole numbers from 1 on, e.g. 8,16,64.")
    return found


def told(found: Cost) -> str:
    """The tables for a person."""
    on_gpu = bool(found.gpu_hours)
    lines = [
        f"{found.name}: {found.dialogs:,} dialogues, {found.hours:,.0f} h, {found.shards:,} shards",
        "",
        f"{'group':<9}{'part':<11}{'engine':<12}{'on':<5}{'x real time':>12}{'hours':>10}",
        *(_row(part) for part in found.parts),
        "",
    ]
    for group, hours in found.gpu_hours.items():
        lines.append(
            f"GPU hours, {group}: {hours:,.1f}, of which the GPU waits {found.gpu_idle_hours[group]:,.1f} for a core's work"
        )
    lines += [f"core hours: {found.core_hours:,.1f}", ""]
    lines.append(f"{'GPUs' * on_gpu:<6}{'cores':<7}{'wall':>9}{'simulated':>11}{'busy':>7}  {'bottleneck':<12}workers")
    lines += [_size(size, on_gpu) for size in found.sizes]
    lines.append("")
    for place, kinds in found.disk_gb.items():
        gone = ", speech removed as its shard is rendered" if place == "work" and not found.keeps_work else ""
        parts = ", ".join(f"{kind} {gb:,.1f}" for kind, gb in kinds.items())
        lines.append(f"disk, {place}: {sum(kinds.values()):,.1f} GB ({parts}{gone})")
    sources = sorted({part.source for part in found.parts if part.source})
    lines += ["", *(f"rates: {source}" for source in sources)]
    if found.lacking:
        lines.append(
            f"At least so much: there is no rate for {', '.join(found.lacking)}. Measure them where they run "
            "(--measure 40 --save rates.toml), or give them in a file (--rates)."
        )
    return "\n".join(lines) + "\n"


def _row(part: Part) -> str:
    engine = "" if part.engine == OWN else part.engine
    if part.hours is None or part.x_real_time is None:
        return f"{part.group:<9}{part.part:<11}{engine:<12}{'?':<5}{'no rate':>12}{'?':>10}"
    return f"{part.group:<9}{part.part:<11}{engine:<12}{part.device:<5}{part.x_real_time:>12,.1f}{part.hours:>10,.2f}"


def _size(size: Size, on_gpu: bool) -> str:
    crews = ", ".join(f"{name} {n:.3g}" for name, n in size.workers.items())
    return (
        f"{str(size.gpus) * on_gpu:<6}{size.cores:<7}{_hours(size.wall_h):>9}{_hours(size.simulated_h):>11}"
        f"{size.busy_share:>7.0%}  {size.bottleneck:<12}{crews}"
    )


def _hours(hours: float) -> str:
    return f"{hours * 60:.1f} min" if hours < 1.5 else f"{hours:.1f} h" if hours < 72 else f"{hours / 24:.1f} d"
