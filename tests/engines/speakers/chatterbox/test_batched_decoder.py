"""The continuous batch: a row's tokens are its own, whoever shares the batch, whenever it enters, however it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from stand_in_t3 import CODES, rows, stand_in, texts, voice  # noqa: E402

from datagen.engines.speakers.chatterbox.model.backbone import Gpt2, Llama  # noqa: E402
from datagen.engines.speakers.chatterbox.model.cache import Cache, Prefill, Step  # noqa: E402
from datagen.engines.speakers.chatterbox.model.rows import Row, Tokens  # noqa: E402
from datagen.engines.speakers.chatterbox.model.steps import Steps, bucket, cuda_capture, window  # noqa: E402
from datagen.engines.speakers.chatterbox.model.t3 import T3  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")
ROWS = 20


def model(slots: int, turbo: bool = False, stride: int | None = None) -> T3:
    return T3(stand_in(turbo), "cpu", torch.float32, slots, stride)


def spoken(t3: T3, said: list[Row], with_texts: list[Any] | None = None) -> list[tuple[list[int], bool, bool]]:
    done: dict[int, Tokens] = dict(t3.decode(said, with_texts or texts(len(said))))
    return [(done[i].ids.tolist(), done[i].cut, done[i].broken) for i in range(len(said))]


@pytest.fixture(scope="module", params=[False, True], ids=["original", "turbo"])
def alone(request: pytest.FixtureRequest) -> tuple[bool, list[Any]]:
    """Every row spoken in a batch of its own."""
    t3 = model(1, request.param)
    said, their_texts = rows(ROWS), texts(ROWS)
    return request.param, [spoken(t3, [row], [text])[0] for row, text in zip(said, their_texts, strict=True)]


@pytest.mark.parametrize(("slots", "stride"), [(1, 1), (3, 1), (8, 1), (32, 1), (3, 8)])
def test_a_row_says_the_same_in_any_batch(alone: tuple[bool, list[Any]], slots: int, stride: int) -> None:
    turbo, expected = alone
    assert spoken(model(slots, turbo, stride), rows(ROWS)) == expected


def test_rows_end_in_every_way_and_at_many_lengths(alone: tuple[bool, list[Any]]) -> None:
    _, expected = alone
    assert {cut for _, cut, _ in expected} == {True, False}
    assert len({len(ids) for ids, _, _ in expected}) > 5
    assert not any(broken for _, _, broken in expected)
    assert all(len(ids) == limit for (ids, cut, _), limit in zip(expected, [7, 40, 90] * 7, strict=False) if cut)
    assert all(CODES + 1 not in ids for ids, _, _ in expected)


def test_order_of_rows_changes_nothing() -> None:
    said, their_texts = rows(ROWS, cfg_weight=0.7), texts(ROWS)
    there = spoken(model(4), said, their_texts)
    assert spoken(model(4), said[::-1], their_texts[::-1]) == there[::-1]


def test_another_seed_says_something_else() -> None:
    said = [Row("said", voice(0), seed=seed, temperature=1.0, max_tokens=30) for seed in (1, 2, 1)]
    first, second, again = spoken(model(3), said, [texts(1)[0]] * 3)
    assert first == again != second


def test_rows_without_cfg_beside_rows_with_it() -> None:
    plain = rows(4, cfg_weight=0.0)
    mixed = [*rows(4), *plain]
    their_texts = texts(4)
    assert spoken(model(8), mixed, their_texts * 2)[4:] == spoken(model(8), plain, their_texts)
    assert spoken(model(8), plain, their_texts) != spoken(model(8), rows(4), their_texts)
    # the limit that stock cannot reach: a weight that vanishes
    assert spoken(model(8), plain, their_texts) == spoken(model(8), rows(4, cfg_weight=1e-30), their_texts)


def test_finished_places_are_refilled() -> None:
    t3 = model(4)
    lengths = [len(ids) + (not cut) for ids, cut, _ in spoken(t3, rows(ROWS))]
    # each row's first token comes with its prompt; a batch that waited for its slowest would take more
    assert t3.decoder.row_steps == sum(lengths) - ROWS


def test_a_row_with_nan_is_broken_and_hurts_no_other() -> None:
    said, their_texts = rows(9), texts(9)
    sound = spoken(model(2), said, their_texts)
    said[2] = Row("said", voice(1), seed=3, max_tokens=20)
    said[2].conditionals.prefix[0, 0] = float("nan")
    t3 = model(2)
    broken = spoken(t3, said, their_texts)
    assert broken[2] == ([], False, True)
    assert [row for i, row in enumerate(broken) if i != 2] == [row for i, row in enumerate(sound) if i != 2]
    assert bool(torch.isfinite(t3.decoder._kept[2][0].cache.keys).all())


def test_a_call_left_halfway_does_not_hurt_the_next() -> None:
    t3, fresh = model(4), model(4)
    left = t3.decode(rows(ROWS), texts(ROWS))
    next(left)
    left.close()
    assert spoken(t3, rows(5)) == spoken(fresh, rows(5))


def test_recorded_steps_are_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a recorder that stands for a CUDA graph: sizes are rounded up, a step is run once, recorded at its second use."""
    import datagen.engines.speakers.chatterbox.model.decoder as decoder

    expected = spoken(model(12), rows(ROWS))
    recorded: list[Callable[[], None]] = []

    def capture(work: Callable[[], None]) -> Callable[[], None]:
        recorded.append(work)
        return work

    monkeypatch.setattr(decoder, "cuda_capture", lambda device: capture)
    t3 = model(12, stride=8)
    t3.decoder._on_gpu = True
    assert spoken(t3, rows(ROWS)) == expected
    assert 2 < len(recorded) < 20
    assert spoken(t3, rows(ROWS)) == expected


def test_a_recording_is_of_the_models_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    current = ["cuda:0"]
    seen: list[tuple[str, str]] = []

    @contextmanager
    def device(wanted: torch.device) -> Iterator[None]:
        before, current[0] = current[0], str(wanted)
        yield
        current[0] = before

    @contextmanager
    def graph(made: Any, pool: str) -> Iterator[None]:
        seen.append((current[0], pool))
        yield

    fakes = {"device": device, "graph": graph, "graph_pool_handle": lambda: "pool", "synchronize": lambda: None,
             "CUDAGraph": lambda: SimpleNamespace(replay=lambda: seen.append(("replay", "")))}  # fmt: skip
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    capture = cuda_capture(torch.device("cuda:1"))
    capture(lambda: seen.append(("work", "")))()
    assert seen == [("cuda:1", "pool"), ("work", ""), ("replay", "")]
    assert current == ["cuda:0"]


def test_steps_run_once_each_whether_recorded_or_not() -> None:
    ran: list[tuple[int, int]] = []

    def advance(count: int, positions: int) -> None:
        ran.append((count, positions))

    steps = Steps(advance, 12, capture=lambda work: work)
    for count in (3, 4, 3, 12, 12):
        steps(count, 64)
    assert ran == [(4, 64)] * 3 + [(12, 64)] * 2


def test_sizes_are_rounded_up_a_little() -> None:
    assert [bucket(rows, 64) for rows in (1, 2, 3, 5, 8, 9, 17, 64)] == [1, 2, 4, 8, 8, 16, 24, 64]
    assert bucket(9, 12) == 12
    assert [window(positions, 512) for positions in (1, 64, 65, 500)] == [64, 64, 128, 512]
    assert window(500, 510) == 510


@pytest.mark.parametrize("turbo", [False, True])
def test_transformer_is_transformers_own(turbo: bool) -> None:
    """Prompts of unequal length, then single steps, against one pass of transformers a row."""
    stock = stand_in(turbo).tfmr
    ours = Gpt2(stock, "cpu", torch.float32) if turbo else Llama(stock, "cpu", torch.float32, 512)
    shape = ours.shape
    generator = torch.Generator().manual_seed(5)
    whole = torch.randn((3, 30, shape.width), generator=generator)
    lengths = torch.tensor([20, 5, 11])
    with torch.inference_mode():
        expected = stock(inputs_embeds=whole, use_cache=False).last_hidden_state
        cache = Cache(shape.layers, 3, shape.heads, 64, shape.head_width, "cpu", torch.float32)
        hidden = ours(whole[:, :20], torch.arange(20)[None], Prefill(cache, 0))
        worst = max(float((hidden[i, :n] - expected[i, :n]).abs().max()) for i, n in enumerate(lengths.tolist()))
        for _ in range(10):
            fed = whole[torch.arange(3), lengths][:, None]
            hidden = ours(fed, lengths[:, None], Step(cache, lengths, 32))
            worst = max(worst, float((hidden[:, 0] - expected[torch.arange(3), lengths]).abs().max()))
            lengths = lengths + 1
    assert float(expected.std()) > 0.1
    assert worst < 1e-5
