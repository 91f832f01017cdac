"""What the batched flow and vocoder rest on and needs no Chatterbox: groups, tails, a row's own noise, references, shifts, overlaps."""

import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.engines.speakers.chatterbox.model import encoder, vocoder, watermark
from datagen.engines.speakers.chatterbox.model.flow import FlowVocoder, _check_tokens
from datagen.engines.speakers.chatterbox.model.masks import Tails, groups
from datagen.engines.speakers.chatterbox.model.noise import flow_noise, source_noise
from datagen.engines.speakers.chatterbox.model.reference import Reference
from datagen.engines.speakers.chatterbox.model.rows import ModelError


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.integers(1, 2000))
def test_groups_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    made = groups(lengths, budget)
    assert sorted(row for group in made for row in group.rows) == list(range(len(lengths)))
    for group in made:
        own = [lengths[row] for row in group.rows]
        assert group.longest == max(own)
        assert len(own) == 1 or len(own) * max(own) <= budget
        assert min(own) >= 0.6 * max(own)


def test_a_row_far_shorter_than_its_group_or_one_too_many_opens_another() -> None:
    assert [group.longest for group in groups([6, 9, 8], 100)] == [9]
    assert [group.longest for group in groups([3, 9, 8], 100)] == [9, 3]
    assert [len(group.rows) for group in groups([4] * 7, 100, most_rows=3)] == [3, 3, 1]


def test_tails_clear_what_is_behind_a_row_and_nothing_else() -> None:
    tails = Tails([2, 4, 3], "cpu")
    cleared = tails.clear(torch.ones(3, 2, 4))
    assert cleared[:, 0].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]
    assert torch.equal(cleared[:, 0], cleared[:, 1])
    bias = tails.key_bias(torch.float32)
    assert bias is not None
    assert torch.equal(bias[:, 0, 0] == 0, cleared[:, 0] == 1)


def test_rows_of_one_length_have_no_tails() -> None:
    tails = Tails([3, 3], "cpu")
    assert tails.key_bias(torch.float32) is None
    assert tails.clear(torch.ones(2, 1, 3)).sum() == 6


def test_tails_at_a_higher_rate() -> None:
    tails = Tails([1, 2], "cpu").scaled(3, 1)
    assert (tails.lengths, tails.longest) == ((4, 7), 7)


def test_flow_noise_is_what_a_seeded_torch_draws_for_one_row() -> None:
    torch.manual_seed(11)
    expected = torch.randn(1, 80, 7)
    assert torch.equal(flow_noise(11, 3, 4, meanflow=False), expected[0])
    torch.manual_seed(11)
    new, whole = torch.randn(1, 80, 4), torch.randn(1, 80, 7)
    turbo = flow_noise(11, 3, 4, meanflow=True)
    assert torch.equal(turbo[:, 3:], new[0])
    assert torch.equal(turbo[:, :3], whole[0, :, :3])


def test_source_noise_is_what_a_seeded_torch_draws_for_one_row() -> None:
    torch.manual_seed(5)
    phases = torch.distributions.Uniform(-np.pi, np.pi).sample((1, 9, 1))[0]
    noise = torch.randn(1, 9, 50)[0]
    ours, our_noise = source_noise(5, 9, 50)
    assert ours[0] == 0
    assert torch.equal(ours[1:], phases[1:])
    assert torch.equal(our_noise, noise)


def reference(tokens: int, frames: int) -> dict[str, torch.Tensor]:
    return {
        "prompt_token": torch.arange(tokens)[None],
        "prompt_feat": torch.arange(frames * 80.0).view(1, frames, 80),
        "embedding": torch.ones(1, 192),
    }


@pytest.mark.parametrize(("tokens", "frames", "kept"), [(5, 10, 5), (5, 11, 5), (5, 9, 4), (5, 14, 5), (400, 800, 250)])
def test_a_reference_has_two_frames_a_token_and_at_most_10_s(tokens: int, frames: int, kept: int) -> None:
    cut = Reference.of(reference(tokens, frames))
    assert (len(cut.tokens), tuple(cut.mel.shape), tuple(cut.embedding.shape)) == (kept, (2 * kept, 80), (192,))
    assert cut.mel[-1, -1] == 2 * kept * 80 - 1


def test_a_reference_ends_where_its_tokens_are_said_to_end() -> None:
    assert len(Reference.of({**reference(5, 10), "prompt_token_len": torch.tensor([3])}).tokens) == 3


def test_a_reference_without_a_part_or_of_no_length_is_refused() -> None:
    with pytest.raises(ModelError, match="lacks prompt_feat"):
        Reference.of({name: value for name, value in reference(5, 10).items() if name != "prompt_feat"})
    with pytest.raises(ModelError, match="1 prompt tokens and 1 mel frames: too short"):
        Reference.of(reference(1, 1))


def test_special_and_missing_tokens_are_refused() -> None:
    with pytest.raises(ModelError, match="row 3 has speech token 6561"):
        _check_tokens(3, torch.tensor([1, 6561]), 6561)
    with pytest.raises(ModelError, match="shape \\[0\\]"):
        _check_tokens(0, torch.zeros(0), 6561)


def test_the_shift_reads_the_score_of_each_distance() -> None:
    time = 4
    by_distance = torch.arange(2 * 3 * time * (2 * time - 1.0)).view(2, 3, time, 2 * time - 1)
    shifted = encoder._shifted(by_distance)
    for at in range(time):
        for of in range(time):
            assert torch.equal(shifted[:, :, at, of], by_distance[:, :, at, time - 1 - at + of])


def test_overlapping_is_what_torch_inverts_with_and_a_shorter_row_ends_as_if_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    net = types.SimpleNamespace(stft_window=torch.hann_window(16))
    part = object.__new__(vocoder.Vocoder)
    part._net, part._fft, part._hop = net, 16, 4
    x = torch.randn(2, 18, 31, generator=generator)
    waves = part._wave(x, Tails([31, 21], "cpu"))
    for row, steps in enumerate((31, 21)):
        spectrum = torch.polar(x[row : row + 1, :9, :steps].exp(), x[row : row + 1, 9:, :steps].sin())
        expected = torch.istft(spectrum, 16, 4, 16, window=net.stft_window)
        torch.testing.assert_close(waves[row : row + 1, : 4 * (steps - 1)], expected, atol=1e-5, rtol=1e-4)


def test_the_sources_spectrum_of_a_shorter_row_is_reflected_at_its_own_end() -> None:
    part = object.__new__(vocoder.Vocoder)
    part._net = types.SimpleNamespace(stft_window=torch.hann_window(16))
    part._fft, part._hop, part._samples_a_frame = 16, 4, 480
    source = torch.randn(2, 960, generator=torch.Generator().manual_seed(0))
    spectra = part._spectrum(source, Tails([2, 1], "cpu"))
    for row, samples in enumerate((960, 480)):
        expected = torch.stft(
            source[row, :samples], 16, 4, 16, window=part._net.stft_window, pad_mode="reflect", return_complex=True
        )
        both = torch.cat([expected.real, expected.imag])
        torch.testing.assert_close(spectra[row, :, : both.shape[1]], both, atol=1e-5, rtol=1e-5)


def test_a_watermark_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "perth", types.SimpleNamespace(PerthImplicitWatermarker=None))
    none = watermark.Watermark()
    assert not none.available
    with pytest.raises(ModelError, match="setuptools<81"):
        none.apply(np.zeros(10, np.float32))
    monkeypatch.setitem(sys.modules, "perth", None)
    assert "resemble-perth is not in Chatterbox's environment" in watermark.Watermark().missing


def test_a_watermark_keeps_the_length_and_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Marker:
        def __init__(self) -> None:
            print("loaded")

        def apply_watermark(self, wave: np.ndarray, sample_rate: int) -> np.ndarray:
            assert sample_rate == 24_000
            return np.concatenate([wave + 1, [0.0]]) if len(wave) > 3 else wave[:-1] + 1

    monkeypatch.setitem(sys.modules, "perth", types.SimpleNamespace(PerthImplicitWatermarker=Marker))
    mark = watermark.Watermark()
    assert capsys.readouterr().out == ""
    assert mark.apply(np.zeros(5, np.float32)).tolist() == [1] * 5
    assert mark.apply(np.zeros(3, np.float32)).tolist() == [1, 1, 0]


def test_a_batch_without_its_refs_is_refused() -> None:
    with pytest.raises(ModelError, match="2 rows came with 1 refs"):
        FlowVocoder.mels(object.__new__(FlowVocoder), [torch.ones(1)] * 2, [reference(1, 2)], [1, 2], 10)
