"""The descriptions that dialogues are written from: each variant of a scenario's is asked for once, and kept in the ledger."""

import asyncio
from dataclasses import replace

from datagen.build import Build
from datagen.protocols import DescribeRequest, Failure, RemoteWriter
from datagen.records.enums import Speaker
from datagen.records.plan import DialogPlan
from datagen.store.ids import digest, rng, seed_of
from datagen.store.ledger import Ledger

GROUP = "descriptions"
FILE = "description.txt"


class Descriptions:
    """Descriptions by (kind, domain, scenario, variant); those who need the same one wait for it together."""

    def __init__(self, build: Build, ledger: Ledger, writer: RemoteWriter) -> None:
        self._build = build
        self._ledger = ledger
        self._writer = writer
        self._variants: int = getattr(build.engine_options["writer"], "descriptions", 0)
        self._asked: dict[str, asyncio.Task[str | Failure]] = {}

    async def of(self, plan: DialogPlan) -> str | Failure:
        """The description that a dialogue is written from: one of its scenario's variants, "" where the writer makes none.

        A Failure where the writer could not give it in any attempt; it is not asked for again in this run.
        """
        if not self._variants:
            return ""
        variant = seed_of(plan.seed, "description") % self._variants
        name = f"{plan.kind}-{plan.domain}-{plan.scenario}-{variant}"
        if name not in self._asked:
            self._asked[name] = asyncio.create_task(self._made(name, plan, variant))
        return await asyncio.shield(self._asked[name])  # one that is cancelled takes it from no other

    async def _made(self, name: str, plan: DialogPlan, variant: int) -> str | Failure:
        base = example(self._build, plan, variant)
        key = digest("description", base, self._build.domains[plan.domain].digest, self._build.makers["writer"])
        name = name.replace("/", "-")
        found = self._ledger.find(GROUP, name, key)
        if found is not None:
            return found.path(FILE).read_text(encoding="utf-8")
        answer: str | Failure = Failure("description", f"{name}: there was no attempt at it.")
        for attempt in range(self._build.recipe.run.attempts):
            answer = await self._writer.describe_one(
                DescribeRequest(base, variant, seed_of(base.seed, "describe", attempt))
            )
            if not isinstance(answer, Failure):
                with self._ledger.make(GROUP, name, key) as draft:
                    draft.path(FILE).write_text(answer, encoding="utf-8")
                return answer
        return answer

    async def close(self) -> None:
        """Ends what is being asked for."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)


def example(build: Build, plan: DialogPlan, variant: int) -> DialogPlan:
    """A plan of the scenario that depends on scenario and variant alone, so that it does not matter which dialogue asks first."""
    id_ = f"{plan.kind}-{plan.domain}-{plan.scenario}-{variant}"
    seed = seed_of(build.recipe.seed, "description", id_)
    domain, draw = build.domains[plan.domain], rng(seed, "plan")
    instance = domain.instance(plan.scenario, plan.split, build.shares, draw)
    if plan.kind is not domain.kind:
        instance = {**instance, **domain.details(plan.kind, plan.scenario)}
    traits = domain.traits(plan.scenario, draw)
    return replace(
        plan, index=variant, dialog_id=id_, seed=seed, first_speaker=Speaker.AGENT, agent_voice="", user_voice="", instance=instance,
        traits=traits,
    )  # fmt: skip
