"""S3Gen's vocoder (HiFTNet) over many mels of unequal length: to each row, its end looks as if it were alone."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch.nn.utils import parametrize

from datagen.engines.speakers.chatterbox.model.masks import Tails
from datagen.engines.speakers.chatterbox.model.noise import source_noise


class Vocoder:
    """Mels [80, frames] to waves at 24 kHz, 480 samples a frame, the first 40 ms faded in as stock does.

    Merges the weight norms of `generator` (HiFTGenerator) in place: the same numbers, computed once instead of at every call.
    `fade` [samples] multiplies each wave's start.
    """

    def __init__(self, generator: Any, fade: torch.Tensor) -> None:
        for module in generator.modules():
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
        self._net = generator
        self._fade = fade
        self._source = generator.m_source.l_sin_gen
        self._fft: int = generator.istft_params["n_fft"]
        self._hop: int = generator.istft_params["hop_len"]
        self._samples_a_frame = int(generator.f0_upsamp.scale_factor)

    def __call__(self, mels: Sequence[torch.Tensor], seeds: Sequence[int]) -> list[torch.Tensor]:
        """For each mel its wave [480 x frames]; the source's phases and noise come from the row's seed."""
        device = self._net.conv_pre.weight.device
        tails = Tails([mel.shape[1] for mel in mels], device)
        mel = torch.zeros(len(mels), mels[0].shape[0], tails.longest, device=device)
        for row, one in enumerate(mels):
            mel[row, :, : one.shape[1]] = one
        wave = self._decoded(mel, self._excitation(self._pitch(mel, tails), seeds, tails), tails)
        made = []
        for row, frames in enumerate(tails.lengths):
            one = wave[row, : frames * self._samples_a_frame]
            faded = min(len(one), len(self._fade))
            one[:faded] *= self._fade[:faded]
            made.append(one)
        return made

    def _pitch(self, mel: torch.Tensor, tails: Tails) -> torch.Tensor:
        """The fundamental [rows, frames], Hz."""
        h = mel
        for layer in self._net.f0_predictor.condnet:
            h = layer(tails.clear(h)) if isinstance(layer, torch.nn.Conv1d) else layer(h)
        pitch: torch.Tensor = self._net.f0_predictor.classifier(h.transpose(1, 2)).squeeze(-1).abs()
        return pitch

    def _excitation(self, pitch_hz: torch.Tensor, seeds: Sequence[int], tails: Tails) -> torch.Tensor:
        """The source [rows, samples]: sines of the fundamental and its harmonics where voiced, noise where not.

        Sums in double precision and rounds as stock does on a CPU: on a GPU, the order of a long sum would show in the phase.
        """
        source, tones = self._source, self._source.harmonic_num + 1
        scale, (rows, frames) = self._samples_a_frame, pitch_hz.shape
        phases = torch.zeros(rows, tones, 1)
        noise = torch.zeros(rows, tones, frames * scale)
        for row, length in enumerate(tails.lengths):
            phases[row], noise[row, :, : length * scale] = source_noise(seeds[row], tones, length * scale)
        phases, noise = phases.to(pitch_hz.device), noise.to(pitch_hz.device)
        voiced = (pitch_hz > source.voiced_threshold).float().repeat_interleave(scale, dim=1)
        level = voiced * source.noise_std + (1 - voiced) * source.sine_amp / 3
        within = torch.arange(1, scale + 1, device=pitch_hz.device, dtype=torch.float64)
        weights = self._net.m_source.l_linear.weight[0]
        mixed = torch.zeros_like(voiced)
        for tone in range(tones):
            cycles = (pitch_hz * (tone + 1) / source.sampling_rate).double()
            before = cycles.cumsum(1).sub_(cycles) * scale
            turned = (before[:, :, None] + cycles[:, :, None] * within).flatten(1).float() % 1
            sine = source.sine_amp * torch.sin(2 * math.pi * turned + phases[:, tone])
            mixed += weights[tone] * (sine * voiced + level * noise[:, tone])
        return torch.tanh(mixed + self._net.m_source.l_linear.bias)

    def _spectrum(self, source: torch.Tensor, tails: Tails) -> torch.Tensor:
        """The source's short-time spectrum [rows, 18, samples / 4 + 1], each row's end reflected where the row itself ends."""
        side = self._fft // 2
        padded = F.pad(source[:, None], (side, side), mode="reflect")[:, 0]
        for row, frames in enumerate(tails.lengths):
            end = frames * self._samples_a_frame
            if frames < tails.longest:
                padded[row, side + end : 2 * side + end] = source[row, end - 1 - side : end - 1].flip(0)
        spectrum = torch.stft(
            padded, self._fft, self._hop, window=self._window(source.device), center=False, return_complex=True
        )  # fmt: skip
        return torch.cat([spectrum.real, spectrum.imag], dim=1)

    def _decoded(self, mel: torch.Tensor, source: torch.Tensor, tails: Tails) -> torch.Tensor:
        net, last = self._net, self._net.num_upsamples - 1
        steps = self._samples_a_frame // self._hop
        spectrum = tails.scaled(steps, 1).clear(self._spectrum(source, tails))
        x, rate = net.conv_pre(tails.clear(mel)), 1
        at = tails
        for i, up in enumerate(net.ups):
            x = up(at.clear(F.leaky_relu(x, net.lrelu_slope)))
            rate *= up.stride[0]
            at = tails.scaled(rate, int(i == last))
            if i == last:
                x = net.reflection_pad(x)
            x = x + _resblock(net.source_resblocks[i], net.source_downs[i](spectrum), at)
            x = _sum_of_resblocks(net.resblocks[i * net.num_kernels : (i + 1) * net.num_kernels], x, at)
        x = net.conv_post(at.clear(F.leaky_relu(x)))
        return self._wave(x, at).clamp_(-net.audio_limit, net.audio_limit)

    def _wave(self, x: torch.Tensor, tails: Tails) -> torch.Tensor:
        """The samples [rows, 4 x (steps - 1)] out of log magnitudes and phases; only a row's own steps are added up."""
        bins = self._fft // 2 + 1
        magnitude = torch.exp(x[:, :bins]).clip(max=1e2)
        phase = torch.sin(x[:, bins:])
        window = self._window(x.device)
        frames = torch.fft.irfft(torch.polar(magnitude, phase), n=self._fft, dim=1) * window[None, :, None]
        own = tails.own[:, None].to(frames.dtype)
        summed = _overlapped(tails.clear(frames), self._hop)
        weight = _overlapped(own * window[None, :, None] ** 2, self._hop)
        side = self._fft // 2
        kept = slice(side, side + self._hop * (tails.longest - 1))
        return summed[:, kept] / weight[:, kept].clamp_min(1e-11)

    def _window(self, device: torch.device) -> torch.Tensor:
        window: torch.Tensor = self._net.stft_window.to(device)
        return window


def _overlapped(frames: torch.Tensor, hop: int) -> torch.Tensor:
    """Frames [rows, width, steps] laid over each other every `hop` samples: [rows, hop x (steps - 1) + width]."""
    rows, width, steps = frames.shape
    parts = width // hop
    summed = frames.new_zeros(rows, hop, steps + parts - 1)
    for part in range(parts):
        summed[:, :, part : part + steps] += frames[:, part * hop : (part + 1) * hop]
    return summed.transpose(1, 2).flatten(1)


def _resblock(block: Any, x: torch.Tensor, tails: Tails) -> torch.Tensor:
    """A snake keeps zeros zero, so clearing in front of it is clearing in front of its convolution."""
    for first, second, snake_1, snake_2 in zip(
        block.convs1, block.convs2, block.activations1, block.activations2, strict=True
    ):
        inner = first(_snake(snake_1, tails.clear(x)))
        x = x + second(_snake(snake_2, tails.clear(inner)))
    return x


def _snake(snake: Any, x: torch.Tensor) -> torch.Tensor:
    alpha = snake.alpha[None, :, None]
    if snake.alpha_logscale:
        alpha = alpha.exp()
    return torch.addcmul(x, 1.0 / (alpha + snake.no_div_by_zero), torch.sin(x * alpha).square_())


def _sum_of_resblocks(blocks: Any, x: torch.Tensor, tails: Tails) -> torch.Tensor:
    summed = _resblock(blocks[0], x, tails)
    for block in blocks[1:]:
        summed = summed + _resblock(block, x, tails)
    return summed / len(blocks)
