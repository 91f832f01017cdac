"""A row's mel and wave are its own, whoever shares its batch; on a stand-in for S3Gen, without Chatterbox."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from s3gen_stand_in import s3gen

from datagen.engines.speakers.chatterbox.model.estimator import Estimator
from datagen.engines.speakers.chatterbox.model.flow import FlowVocoder
from datagen.engines.speakers.chatterbox.model.masks import Tails
from datagen.engines.speakers.chatterbox.model.replay import Replayed
from datagen.engines.speakers.chatterbox.model.rows import ModelError
from datagen.engines.speakers.chatterbox.model.steps import Work

NEAR = 1e-4
WHOLE = 1_000_000


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Many threads for such small layers wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def asked() -> tuple[list[torch.Tensor], list[dict[str, Any]], list[int]]:
    generator = torch.Generator().manual_seed(3)
    counts, prompts = [7, 1, 12, 12, 3], [2, 9, 1, 5, 6]
    tokens = [torch.randint(0, 100, (n,), generator=generator) for n in counts]
    refs = [
        {
            "prompt_token": torch.randint(0, 100, (1, n), generator=generator),
            "prompt_feat": torch.randn(1, 2 * n, 80, generator=generator),
            "embedding": torch.randn(1, 192, generator=generator),
        }
        for n in prompts
    ]
    return tokens, refs, [5, 6, 7, 8, 9]


def apart(ours: list[Any], theirs: list[Any]) -> float:
    assert [tuple(a.shape) for a in ours] == [tuple(b.shape) for b in theirs]
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("meanflow", [False, True])
def test_a_mel_is_the_same_alone_and_among_rows_of_other_lengths_and_prompts(meanflow: bool) -> None:
    flow = FlowVocoder(s3gen(meanflow), "cpu", flow_frames=WHOLE)
    tokens, refs, seeds = asked()
    alone = [flow.mels([t], [r], [s], 3)[0] for t, r, s in zip(tokens, refs, seeds, strict=True)]
    assert [mel.shape[1] for mel in alone] == [2 * len(t) for t in tokens]
    together = flow.mels(tokens, refs, seeds, 3)
    assert apart(together, alone) < NEAR
    assert apart(flow.mels(tokens[::-1], refs[::-1], seeds[::-1], 3)[::-1], together) < NEAR
    assert apart(flow.mels(tokens[:1], refs[:1], [99], 3), alone[:1]) > 0.1


def test_no_more_of_a_clip_leads_the_flow_than_asked_for() -> None:
    tokens, refs, seeds = asked()
    cut = {**refs[1], "prompt_token": refs[1]["prompt_token"][:, :5], "prompt_feat": refs[1]["prompt_feat"][:, :10]}
    wanted = FlowVocoder(s3gen(), "cpu").mels(tokens[:1], [cut], seeds[:1], 2)
    assert apart(FlowVocoder(s3gen(), "cpu", prompt_s=0.2).mels(tokens[:1], [refs[1]], seeds[:1], 2), wanted) < NEAR
    assert apart(FlowVocoder(s3gen(), "cpu").mels(tokens[:1], [refs[1]], seeds[:1], 2), wanted) > 1e-3


def test_a_wave_is_the_same_alone_and_among_rows_of_other_lengths() -> None:
    flow = FlowVocoder(s3gen(), "cpu", vocoder_frames=WHOLE)
    generator = torch.Generator().manual_seed(0)
    mels = [torch.randn(80, frames, generator=generator) for frames in (6, 1, 9, 8)]
    alone = [flow.waves([mel], [seed])[0] for seed, mel in enumerate(mels)]
    assert [len(wave) for wave in alone] == [480 * mel.shape[1] for mel in mels]
    assert apart(flow.waves(mels, [0, 1, 2, 3]), alone) < NEAR
    assert apart(flow.waves(mels[:1], [4]), alone[:1]) > 1e-3
    assert not alone[0][:480].any()  # stock's fade keeps the first 20 ms silent
    assert min(float(np.abs(wave).max()) for wave in alone if len(wave) > 480) > 0.01


def test_parts_are_timed_and_a_mel_without_frames_is_refused() -> None:
    flow = FlowVocoder(s3gen(), "cpu")
    tokens, refs, seeds = asked()
    flow.waves(flow.mels(tokens, refs, seeds, 1), seeds)
    assert all(spent > 0 for spent in flow.seconds.values())
    with pytest.raises(ModelError, match="row 1 has a mel without frames"):
        flow.waves([torch.zeros(80, 2), torch.zeros(80, 0)], [1, 2])
    with pytest.raises(ModelError, match="dtype 'float8'"):
        FlowVocoder(s3gen(), "cpu", "float8")


def test_half_precision_is_near_and_its_time_is_whole() -> None:
    tokens, refs, seeds = asked()
    whole = FlowVocoder(s3gen(), "cpu").mels(tokens, refs, seeds, 3)
    half = FlowVocoder(s3gen(), "cpu", "bfloat16").mels(tokens, refs, seeds, 3)
    assert 0 < apart(half, whole) < 0.1


def test_a_replayed_step_is_the_step_itself_with_rounded_sizes_and_after_a_broken_batch() -> None:
    plain = Estimator(s3gen().flow.decoder.estimator, torch.float32)
    recorded: list[Work] = []

    def capture(work: Work) -> Work:
        recorded.append(work)
        return work

    replayed = Replayed(plain, capture)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        for use, lengths in enumerate(([3, 9, 5], [70, 2, 9], [8, 8, 8, 8], [9, 4, 1], [7, 7, 7])):
            tails = Tails(lengths, "cpu")
            x = torch.randn(len(lengths), 80, tails.longest, generator=generator)
            led_by = torch.randn(len(lengths), 240, tails.longest, generator=generator)
            time = plain.time(torch.tensor([0.1 * use]), torch.tensor([0.1 * use + 0.1]))
            expected, ours = plain(x, led_by, time, tails), replayed(x, led_by, time, tails)
            for row, length in enumerate(lengths):
                torch.testing.assert_close(ours[row, :, :length], expected[row, :, :length], atol=1e-4, rtol=1e-4)
            if use == 2:
                replayed(x * float("nan"), led_by, time, tails)
    assert len(recorded) == 1  # 4 rows of up to 64 frames; the size of 128 frames was used once
