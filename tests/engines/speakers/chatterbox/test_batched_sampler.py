"""A row's draw: stock's filters in stock's order, the softmax's distribution, and nothing but its own seed."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from datagen.engines.speakers.chatterbox.model.sampler import Order, gumbel, sample, words  # noqa: E402

ENTRIES = 1500
SETTINGS = [
    (0.8, 1.0, 0.05, 1.2, 0.5),
    (1.0, 0.9, 0.0, 1.0, 0.5),
    (0.5, 0.6, 0.2, 2.0, 0.5),
    (1.7, 0.95, 0.01, 1.1, 0.5),
]


def made(rows: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Logits, the tokens that were seen (ids a row), and noise."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn((rows, ENTRIES), generator=generator)
    ids = torch.randint(0, ENTRIES, (rows, 200), generator=generator)
    seeds = torch.tensor([words(number) for number in range(rows)])
    return logits, ids, gumbel(seeds, torch.arange(rows), ENTRIES)


def stock(logits: Any, ids: Any, settings: tuple[float, ...], noise: Any, turbo: bool) -> Any:
    """transformers' processors in the order of chatterbox 0.1.7's two loops, and the draw of the softmax's logarithm."""
    from transformers.generation import logits_process as stock_processors

    temperature, top_p, min_p, penalty, _ = settings
    penalise = stock_processors.RepetitionPenaltyLogitsProcessor(penalty)
    top = stock_processors.TopPLogitsWarper(top_p)
    if turbo:
        kept = top(ids, stock_processors.TopKLogitsWarper(1000)(ids, logits / temperature))
        kept = penalise(ids, kept)
    else:
        kept = top(ids, stock_processors.MinPLogitsWarper(min_p)(ids, penalise(ids, logits) / temperature))
    return (torch.softmax(kept, -1).log() + noise).argmax(-1)


@pytest.mark.parametrize("turbo", [False, True])
@pytest.mark.parametrize("settings", SETTINGS)
def test_draws_are_those_of_stocks_filters(settings: tuple[float, ...], turbo: bool) -> None:
    logits, ids, noise = made(40)
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, ids, True)
    drawn = sample(logits, seen, torch.tensor([settings] * 40), noise, Order(turbo, sorts=True))
    assert torch.equal(drawn, stock(logits, ids, settings, noise, turbo))
    assert len(set(drawn.tolist())) > 20


def test_filters_matter_here() -> None:
    logits, ids, noise = made(40)
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, ids, True)
    drawn = [sample(logits, seen, torch.tensor([one] * 40), noise, Order(False, True)).tolist() for one in SETTINGS]
    assert all(drawn[i] != drawn[j] for i in range(4) for j in range(i))


def test_each_row_has_its_own_settings_and_place() -> None:
    logits, ids, noise = made(4)
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, ids, True)
    settings, order = torch.tensor(SETTINGS), Order(False, sorts=True)
    together = sample(logits, seen, settings, noise, order).tolist()
    alone = [
        sample(logits[i : i + 1], seen[i : i + 1], settings[i : i + 1], noise[i : i + 1], order).item()
        for i in range(4)
    ]
    back = sample(logits.flip(0), seen.flip(0), settings.flip(0), noise.flip(0), order).tolist()
    assert together == alone == back[::-1]


def test_draws_have_the_softmaxs_distribution() -> None:
    draws = 40_000
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, 1.5])
    seeds = torch.tensor([words(7)]).expand(draws, 2)
    noise = gumbel(seeds, torch.arange(draws), 5)
    settings = torch.tensor([[1.0, 1.0, 0.0, 1.0, 0.0]]).expand(draws, 5)
    drawn = sample(
        logits.expand(draws, 5), torch.zeros((draws, 5), dtype=torch.bool), settings, noise, Order(False, False)
    )
    expected = draws * torch.softmax(logits, 0)
    chi_squared = (((torch.bincount(drawn, minlength=5) - expected) ** 2) / expected).sum()
    assert chi_squared < 18.5  # 0.001 of all true generators fail with 4 degrees of freedom


def test_noise_is_finite_and_every_seed_count_and_entry_has_its_own() -> None:
    one = gumbel(torch.tensor([words(0), words(1), words(1 << 40), words(-1)]), torch.tensor([0, 0, 0, 5]), 50_000)
    assert bool(torch.isfinite(one).all())
    assert abs(float(one.mean()) - 0.5772) < 0.01
    assert abs(float(one.std()) - 1.2825) < 0.01
    assert float(torch.corrcoef(one).fill_diagonal_(0).abs().max()) < 0.02
    later = gumbel(torch.tensor([words(0)]), torch.tensor([1]), 50_000)
    assert abs(float(torch.corrcoef(torch.cat([one[:1], later]))[0, 1])) < 0.02


def test_temperature_0_takes_the_likeliest() -> None:
    logits, _, noise = made(10)
    settings = torch.tensor([(0.0, 0.5, 0.5, 1.0, 0.5)] * 10)
    drawn = sample(logits, torch.zeros_like(logits, dtype=torch.bool), settings, noise, Order(False, sorts=True))
    assert torch.equal(drawn, logits.argmax(-1))
