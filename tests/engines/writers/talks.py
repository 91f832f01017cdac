"""The two kinds that are talk and no service, for the tests of either."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from rensa import RMinHash

from datagen import resources
from datagen.domains.base import Domain
from datagen.domains.casual import CasualDomain
from datagen.domains.qa import QaDomain
from datagen.engines.writers.agenda.casual import write_casual
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.qa import write_qa
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Speaker, Split
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.store.ids import rng

MAKER = Maker("agenda", "agenda", "1", "Apache-2.0")
SHARES = (0.9, 0.05, 0.05)


@dataclass(frozen=True)
class Talk:
    """One kind of talk: its domain, and the function that writes it."""

    domain: Domain
    answer: Callable[..., Transcript | Failure]

    def plan(self, index: int) -> DialogPlan:
        draw = rng("plan", index)
        domain = self.domain
        scenario = domain.scenarios[int(draw.integers(len(domain.scenarios)))].name
        first = Speaker.AGENT if draw.random() < 0.5 else Speaker.USER
        instance = domain.instance(scenario, Split.TRAIN, SHARES, draw)
        traits = domain.traits(scenario, draw)
        dialog_id = f"{domain.name}-{index:06d}"
        return DialogPlan(
            index, dialog_id, domain.kind, domain.name, scenario, Split.TRAIN, index, first, "a", "b", instance, traits
        )

    def answer_to(self, plan: DialogPlan, options: AgendaOptions | None = None) -> Transcript | Failure:
        return self.answer(self.domain, WriteRequest(plan, plan.seed), options or AgendaOptions(), MAKER)

    def write(self, index: int, options: AgendaOptions | None = None) -> Transcript:
        result = self.answer_to(self.plan(index), options)
        assert isinstance(result, Transcript)
        return result


QA = Talk(QaDomain.load(resources.prompts() / "qa"), write_qa)
CASUAL = Talk(CasualDomain.load(resources.prompts() / "casual"), write_casual)


def near_duplicates(texts: list[str]) -> int:
    """How many texts have an earlier one at an estimated Jaccard index of 0.8 or more over 5-gram word shingles."""
    prints = []
    for text in texts:
        words = text.lower().split()
        print_ = RMinHash(num_perm=128, seed=7)
        print_.update([" ".join(words[i : i + 5]) for i in range(len(words) - 4)])
        prints.append(print_)
    return sum(any(one.jaccard(other) >= 0.8 for other in prints[:i]) for i, one in enumerate(prints))


def variety(talk: Talk, n: int) -> tuple[int, float, float]:
    """Exact duplicates, the share of near-duplicates, and distinct-2, over n dialogues."""
    texts = [" ".join(t.text for t in talk.write(i).turns) for i in range(n)]
    pairs = Counter(p for text in texts for p in pairwise(text.lower().split()))
    return n - len(set(texts)), near_duplicates(texts) / n, len(pairs) / sum(pairs.values())
