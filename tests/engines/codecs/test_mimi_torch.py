"""Mimi through torch, on a small random model: wide steps, batches and places give what each clip alone gives, frame by frame."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import random_mimi
from random_mimi import noise

from datagen.engines.codecs import mimi, mimi_torch, mimi_torch_model
from datagen.engines.codecs.mimi import MimiCodec, MimiOptions
from datagen.engines.codecs.mimi_weights import inspect
from datagen.engines.registry import options_of
from datagen.errors import EngineError, UserError
from datagen.records.speech import Audio

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

from datagen.engines.codecs import mimi_torch_run, mimi_torch_steps  # noqa: E402  they import torch

FRAME = 1920
WINDOW_FRAMES = 125
"""Ten seconds: what attention reaches."""
ROUNDING = 5e-5
"""Of a latent, whose size is some units: float32 summed in another order, over two layers."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    return random_mimi.write(folder / "mimi.safetensors", books=9, size=random_mimi.SMALL)


@pytest.fixture(scope="module")
def model(small: Path) -> Any:
    return mimi_torch_model.load(inspect(small))


def codec(path: Path, **options: Any) -> MimiCodec:
    return MimiCodec(MimiOptions(weights=str(path), backend="torch", device="cpu", **options))


def latents(model: Any, clip: Audio, width: int, window: Any = "step") -> np.ndarray:
    """Latents [width of the model, n_frames] of whole frames, in steps of `width` frames."""
    encoder, n = mimi_torch_steps.Encoder(model, 1, window), len(clip) // FRAME
    padded = np.zeros((-(-n // width), width * FRAME), np.float32)
    padded.reshape(-1)[: len(clip)] = clip
    with torch.no_grad():
        steps = [encoder(torch.from_numpy(x)[None], torch.tensor([i == 0])) for i, x in enumerate(padded)]
    return torch.cat(steps, dim=2)[0, :, :n].numpy()  # type: ignore[no-any-return]


# ---- what a query sees ------------------------------------------------------------------------------------------------


def test_a_step_sees_what_a_ring_of_250_holds_when_two_positions_are_written_at_a_time() -> None:
    """The cache of moshi's streaming transformer, in plain words: both of a frame are written, and then both look."""
    ring: dict[int, int] = {}
    for first in range(0, 700, 2):
        for position in (first, first + 1):
            ring[position % 250] = position
        for query in (first, first + 1):
            seen = sorted(p for p in ring.values() if p <= query and query - p < 250)
            reach = int(mimi_torch_steps.reach(torch.tensor([query]), "step")[0])
            assert seen == list(range(max(0, query - reach + 1), query + 1))


@pytest.mark.parametrize(("window", "reach"), [("whole", (250, 250)), ("rust", (251, 251)), ("step", (249, 250))])
def test_no_latent_hears_what_is_further_back_than_its_window(
    tmp_path: Path, window: Any, reach: tuple[int, int]
) -> None:
    """One layer, so that what one position hears is what one mask lets through."""
    one_layer = random_mimi.Size(filters=2, width=64, hidden=64, layers=1, book_width=8)
    path = random_mimi.write(tmp_path / "one.safetensors", books=2, size=one_layer)
    transformer = mimi_torch_steps.Transformer(
        mimi_torch_model.load(inspect(path)).encoder.encoder_transformer, 1, window
    )
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(1, 300, 64, generator=draw)
    fresh = torch.tensor([True])
    with torch.no_grad():
        base = transformer(x, fresh)
        for at in (10, 11):
            hear: set[int] = set()
            for _ in range(8):  # what one change moves by less than rounding, another moves by more
                other = x.clone()
                other[0, at] = torch.randn(64, generator=draw)
                moved = (transformer(other, fresh) - base).abs().amax(dim=2)[0]
                hear |= {q for q in range(300) if float(moved[q]) > 0}
            assert hear == {q for q in range(at, 300) if q - at < reach[q % 2]}


def test_a_whole_file_is_what_the_librarys_own_encoder_gives(model: Any) -> None:
    clip = noise(1, 150 * FRAME)
    with torch.no_grad():
        theirs = model.encoder(torch.from_numpy(clip)[None, None]).latents[0].numpy()
    ours = latents(model, clip, 25, "whole")
    assert np.abs(theirs).max() > 0.5
    assert np.abs(ours - theirs).max() < ROUNDING
    stepped = np.abs(latents(model, clip, 25) - theirs).max(axis=0)
    assert stepped[: WINDOW_FRAMES - 1].max() < ROUNDING
    assert stepped[WINDOW_FRAMES:].max() > 100 * ROUNDING  # one position more or less is no rounding


@pytest.mark.parametrize("window", ["step", "rust", "whole"])
def test_a_wide_step_gives_what_steps_of_one_frame_give_beyond_the_window_too(model: Any, window: Any) -> None:
    clip = noise(2, (WINDOW_FRAMES + 30) * FRAME)
    frame_by_frame = latents(model, clip, 1, window)
    for width in (7, 25, 155):
        assert np.abs(latents(model, clip, width, window) - frame_by_frame).max() < ROUNDING


# ---- batches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_clips_of_unequal_length_have_the_codes_that_each_has_alone(small: Path, batch: int) -> None:
    """Places are taken over, last frames are partial, one clip is longer than the window; twelve clips in any order."""
    lengths = (1, 700, FRAME, FRAME + 1, 5 * FRAME, 25 * FRAME, 26 * FRAME - 3, 49 * FRAME, 51 * FRAME, 130 * FRAME + 9)
    clips = [noise(10 + i, n) for i, n in enumerate(lengths)] + [np.zeros(3 * FRAME, np.float32), noise(20, 30 * FRAME)]
    alone = codec(small)
    expected = [alone.encode([clip])[0] for clip in clips]
    assert [c.shape for c in expected] == [(8, -(-len(clip) // FRAME)) for clip in clips]
    assert all(c.dtype == np.int16 for c in expected)
    together = codec(small, batch=batch)
    for order in (range(12), range(11, -1, -1)):
        found = together.encode([clips[i] for i in order])
        assert all(np.array_equal(found[k], expected[i]) for k, i in enumerate(order))


def test_the_latents_of_a_batch_are_those_of_its_clips_alone(model: Any) -> None:
    """Where codes would hide a drift: nine clips through three places, of which each begins when another has ended."""
    lengths = [3, 40, 7, 25, 26, 1, 60, 12, 30]
    clips = [noise(30 + i, n * FRAME) for i, n in enumerate(lengths)]
    encoder = mimi_torch_steps.Encoder(model, 3, "step")
    found: list[list[np.ndarray]] = [[] for _ in clips]
    for step in mimi_torch_run.plan(lengths, 3, 10):
        audio, fresh = np.zeros((3, 10 * FRAME), np.float32), torch.ones(3, dtype=torch.bool)
        for place, index, start in step:
            part = clips[index][start * FRAME : (start + 10) * FRAME]
            audio[place, : len(part)] = part
            fresh[place] = start == 0
        with torch.no_grad():
            made = encoder(torch.from_numpy(audio), fresh)
        for place, index, start in step:
            found[index].append(made[place, :, : lengths[index] - start].numpy())
    for clip, parts in zip(clips, found, strict=True):
        assert np.abs(np.concatenate(parts, axis=1) - latents(model, clip, 1)).max() < ROUNDING


def test_the_steps_hear_every_frame_once_and_in_order() -> None:
    draw = np.random.default_rng(0)
    for batch in (1, 2, 5):
        lengths = [int(n) for n in draw.integers(0, 40, 17)]
        heard: dict[int, list[tuple[int, int]]] = {}
        steps = list(mimi_torch_run.plan(lengths, batch, 8))
        for number, step in enumerate(steps):
            assert len({place for place, _, _ in step}) == len(step) <= batch
            for place, index, start in step:
                heard.setdefault(index, []).append((number, start))
                assert 0 <= place < batch
        for index, length in enumerate(lengths):
            begun = heard.get(index, [])
            assert [start for _, start in begun] == list(range(0, length, 8))
            assert [n for n, _ in begun] == list(range(begun[0][0], begun[0][0] + len(begun))) if begun else True
        assert len(steps) <= sum(-(-n // 8) for n in lengths) / batch + max(-(-n // 8) for n in lengths)


def test_threads_and_what_was_heard_before_change_nothing(small: Path) -> None:
    clips = [noise(40 + i, n * FRAME) for i, n in enumerate((9, 27, 3, 14))]
    one = codec(small)
    expected = one.encode(clips)
    assert all(np.array_equal(a, b) for a, b in zip(one.encode(clips), expected, strict=True))
    torch.set_num_threads(3)
    try:
        side_by_side = codec(small).encode(clips)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)
    assert all(np.array_equal(a, b) for a, b in zip(side_by_side, expected, strict=True))


def test_two_callers_of_one_codec_do_not_hear_each_other(small: Path) -> None:
    one = codec(small)
    clips = [noise(80 + i, n * FRAME) for i, n in enumerate((31, 28, 40, 26))]
    expected = [one.encode([clip])[0] for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda clip: one.encode([clip])[0], clips * 2))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected * 2, strict=True))


def test_a_graph_is_made_once_and_what_made_it_is_heard_by_no_clip(
    model: Any, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way through a CUDA graph on a machine without CUDA: a graph that does, when replayed, what was captured.

    It shows the order of things (state, places, transfers), not what a GPU computes.
    """
    counts = {"captured": 0, "replayed": 0}
    lane = mimi_torch_run.Lane(
        mimi_torch_steps.Encoder(model, 2, "step"),
        mimi_torch_steps.Books(model, 8),
        torch.device("cpu"), torch.float32, batch=2, width=25,
    )  # fmt: skip

    class Graph:
        def replay(self) -> None:
            counts["replayed"] += 1
            lane._made.copy_(lane._step())  # type: ignore[union-attr]

    @contextlib.contextmanager
    def capture(graph: Graph) -> Iterator[None]:
        counts["captured"] += 1
        yield

    class Stream:
        def wait_stream(self, other: "Stream") -> None: ...

    fake = SimpleNamespace(
        CUDAGraph=Graph,
        graph=capture,
        Stream=lambda device: Stream(),
        current_stream=lambda device: Stream(),
        stream=lambda stream: contextlib.nullcontext(),
    )
    monkeypatch.setattr(torch, "cuda", fake)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self.clone())
    lane._device = SimpleNamespace(type="cuda")  # type: ignore[assignment]
    clips = [noise(90 + i, n * FRAME) for i, n in enumerate((60, 26, 3, 25))]
    expected = codec(small).encode(clips)
    for _ in range(2):
        given = [clip.reshape(-1, FRAME) for clip in clips]
        codes = [np.zeros((8, len(frames)), np.int16) for frames in given]
        lane.encode(list(zip(given, codes, strict=True)))
        assert all(np.array_equal(a, b) for a, b in zip(codes, expected, strict=True))
    assert counts == {"captured": 1, "replayed": 2 * 4}


def test_fewer_books_are_the_first_of_more(small: Path) -> None:
    clip = noise(50, 10 * FRAME)
    nine, eight, one = (codec(small, books=n).encode([clip])[0] for n in (9, 8, 1))
    assert [len(codes) for codes in (nine, eight, one)] == [9, 8, 1]
    assert np.array_equal(nine[:8], eight)
    assert np.array_equal(nine[:1], one)


def test_the_books_are_the_librarys(model: Any) -> None:
    draw = torch.Generator().manual_seed(2)
    values = torch.randn(2, 128, 40, generator=draw)
    books = mimi_torch_steps.Books(model, 9)
    with torch.no_grad():
        codes = books(values)
        assert torch.equal(codes.long(), model.quantizer.encode(values, 9).transpose(0, 1))
        assert torch.allclose(books.latents(codes.long()), model.quantizer.decode(codes.long()), atol=1e-5)


# ---- decoding ------------------------------------------------------------------------------------------------------


def test_decoding_in_steps_is_the_librarys_decoding_of_the_whole(small: Path, model: Any) -> None:
    """To 1e-5 of the loudest sample: the tolerance that decoding is held to."""
    codes = codec(small, books=9).encode([noise(60, 140 * FRAME)])[0]
    audio = codec(small, books=9, window="whole").decode([codes])[0]
    with torch.no_grad():
        theirs = model.decode(torch.from_numpy(codes.astype(np.int64))[None]).audio_values[0, 0].numpy()
    assert audio.shape == (140 * FRAME,)
    assert audio.dtype == np.float32
    assert np.abs(audio - theirs).max() < 1e-5 * np.abs(theirs).max()
    assert codec(small).decode([codes[:8, :0]])[0].shape == (0,)


def test_decoding_is_causal_and_repeatable(small: Path) -> None:
    one = codec(small)
    codes = one.encode([noise(61, 60 * FRAME)])[0]
    audio, again, part = one.decode([codes, codes, codes[:, :33]])
    assert np.array_equal(audio, again)
    assert np.abs(part - audio[: 33 * FRAME]).max() < 1e-5 * np.abs(audio).max()


# ---- options, versions and what lacks ---------------------------------------------------------------------------------


def test_what_changes_a_code_is_in_the_revision_and_what_does_not_is_not(small: Path) -> None:
    base = codec(small).maker
    assert base.deterministic
    assert base.revision.startswith("transformers-")
    assert "+cpu+fp32+step+" in base.revision
    assert codec(small, batch=7).maker == base
    others = [codec(small, **o).maker for o in ({"precision": "bf16"}, {"window": "whole"}, {"window": "rust"})]
    assert len({m.revision for m in (base, *others)}) == 4
    assert {m.options for m in others} == {base.options}
    rust = MimiCodec(MimiOptions(weights=str(small), backend="rustymimi"))
    assert rust.maker.revision != base.revision


def test_half_precision_leaves_the_frequencies_of_positions_alone(small: Path, model: Any) -> None:
    half = mimi_torch_model.in_precision(mimi_torch_model.load(inspect(small)), torch.bfloat16)
    ours, theirs = (m.encoder.encoder_transformer for m in (half, model))
    assert ours.layers[0].mlp.fc1.weight.dtype == torch.bfloat16
    assert ours.rotary_emb.inv_freq.dtype == torch.float32
    assert torch.equal(ours.rotary_emb.inv_freq, theirs.rotary_emb.inv_freq)


def test_half_precision_is_another_codec_and_close(small: Path) -> None:
    """What it changes on these weights, which no training has made robust: more than nothing, and far from all."""
    clip = noise(70, 60 * FRAME)
    share = float(np.mean(codec(small, precision="bf16").encode([clip])[0] != codec(small).encode([clip])[0]))
    assert 0 < share < 0.35


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda:0"}, r"codec\.device = cuda:0: torch finds no CUDA device"),
        ({"precision": "tf32", "device": "cpu"}, r"codec\.precision = tf32: a CPU has none"),
        ({"backend": "rustymimi", "window": "step"}, r"codec\.window = step: rustymimi has none but its own"),
    ],
)
def test_what_cannot_be_is_one_line(
    small: Path, options: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimi_torch, "has_cuda", lambda: False)
    wish = {"backend": "torch", **options}
    with pytest.raises(UserError, match=message) as raised:
        _ = MimiCodec(MimiOptions(weights=str(small), **wish)).backend  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_a_device_that_is_none_is_one_line() -> None:
    with pytest.raises(
        UserError, match=r"codec\.device: 'gpu' is no device\. Take auto, cpu, cuda, or cuda:N"
    ) as raised:
        options_of("codec", "mimi", {"device": "gpu"})
    assert "\n" not in str(raised.value)


def test_packages_that_lack_or_are_too_old_are_one_line(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(mimi_torch_model, "version", lambda _: "4.57.1")
        with pytest.raises(
            EngineError, match=r"transformers 4\.57\.1 is too old.*5\.23 or newer.*datagen\[mimi-torch\]"
        ):
            _ = codec(small).backend
    monkeypatch.setattr(mimi_torch_model, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(EngineError, match=r'torch is not installed\. Run: pip install "datagen\[mimi-torch\]"'):
        _ = codec(small).backend


def test_auto_is_torch_where_it_finds_a_gpu_or_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def choice(cuda: bool, rustymimi: bool, torch_too: bool = True) -> str:
        monkeypatch.setattr(mimi, "has_cuda", lambda: cuda)
        monkeypatch.setattr(mimi, "find_spec", lambda name: object() if rustymimi else None)
        monkeypatch.setattr(mimi, "lacks_torch", lambda: [] if torch_too else ["torch"])
        return mimi.backend_of("auto")

    assert choice(cuda=True, rustymimi=True) == "torch"
    assert choice(cuda=False, rustymimi=True) == "rustymimi"
    assert choice(cuda=False, rustymimi=False) == "torch"
    assert choice(cuda=False, rustymimi=False, torch_too=False) == "rustymimi"  # which then says what to install
    assert [mimi.backend_of(name) for name in ("torch", "rustymimi")] == ["torch", "rustymimi"]


def test_arithmetic_is_without_tf32_and_leaves_torch_as_it_was() -> None:
    def now() -> tuple[bool, ...]:
        cudnn = torch.backends.cudnn
        return torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic

    before = now()
    for precision, tf32 in (("fp32", False), ("tf32", True), ("bf16", False)):
        with pytest.raises(ZeroDivisionError), mimi_torch_run.arithmetic(precision):
            assert now() == (tf32, tf32, False, True)
            raise ZeroDivisionError
        assert now() == before


def test_the_runner_is_asked_for_several_batches_at_a_time(small: Path) -> None:
    assert (codec(small).clips_at_once, codec(small, batch=5).clips_at_once) == (4, 20)
