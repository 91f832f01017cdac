"""A run that adds to what is published: the plan of the version that is there, and some hours more."""

import math
from dataclasses import replace

from datagen.build import resolve
from datagen.errors import UserError
from datagen.run.request import Run


def grown(run: Run, add_hours: float | None, add_dialogs: int | None = None) -> Run:
    """The run with about `add_hours`, or with `add_dialogs`, more than the newest version has; with just these where there is none.

    An unpublished run counts for nothing, so that one that was cut off is finished by the next, and not doubled. UserError where
    the version that is there has another plan: then no dialogue of it would stay as it is.
    """
    before = run.published
    if not 0 < (add_hours or add_dialogs or 0) < math.inf:
        raise UserError(f"--add-{'dialogs' if add_hours is None else 'hours'}: has to be above 0.")
    n = add_dialogs or max(1, math.ceil((add_hours or 0.0) * 3600 / run.build.planner.mean_s()))
    if before is not None:
        if before.plan_digest != run.build.plan_digest:
            raise UserError(
                f"{run.where}: holds version {before.id} of another plan (recipe {before.name}), and hours are added to the same plan "
                "alone. Use the recipe and the settings that it was made with, or choose another folder with --out."
            )
        n += before.counts.total.planned
    return replace(run, build=resolve(run.build.recipe.model_copy(update={"dialogs": n, "hours": None})))
