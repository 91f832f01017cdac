"""A small S3Gen of torch's own layers, with the parts and names that Chatterbox's has: what batching does to a row shows on it too.

It is no proof of what stock computes; flow_against_stock.py is, where Chatterbox is.
"""

import math
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

WIDE, HEADS = 32, 4


class Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class LookBack(nn.Conv1d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (self.kernel_size[0] - 1, 0)))


def named(**parts: Any) -> nn.Module:
    """A module with these attributes, its modules registered."""
    made = nn.Module()
    for name, part in parts.items():
        setattr(made, name, part)
    return made


def resnet(into: int) -> nn.Module:
    def block(width: int) -> nn.Module:
        return named(block=nn.Sequential(LookBack(width, WIDE, 3), Turned(), nn.LayerNorm(WIDE), Turned(), nn.Mish()))

    return named(
        block1=block(into), block2=block(WIDE), mlp=nn.Linear(WIDE, WIDE), res_conv=nn.Conv1d(into, WIDE, 1)
    )  # fmt: skip


def blocks() -> nn.ModuleList:
    attention = {name: nn.Linear(WIDE, WIDE, bias=False) for name in ("to_q", "to_k", "to_v")}
    attention_1 = named(**attention, to_out=nn.ModuleList([nn.Linear(WIDE, WIDE)]), heads=HEADS)
    fed = nn.Sequential(nn.Linear(WIDE, WIDE), nn.GELU())
    return nn.ModuleList([named(attn1=attention_1, norm1=nn.LayerNorm(WIDE), norm3=nn.LayerNorm(WIDE), ff=fed)])


class Moments(nn.Module):
    def forward(self, at: Tensor) -> Tensor:
        return torch.sin(1000 * at[:, None] * torch.linspace(0.01, 1, WIDE))


def estimator(meanflow: bool) -> nn.Module:
    return named(
        down_blocks=nn.ModuleList([nn.ModuleList([resnet(320), blocks(), LookBack(WIDE, WIDE, 3)])]),
        mid_blocks=nn.ModuleList([nn.ModuleList([resnet(WIDE), blocks()])]),
        up_blocks=nn.ModuleList([nn.ModuleList([resnet(2 * WIDE), blocks(), LookBack(WIDE, WIDE, 3)])]),
        final_block=named(block=nn.Sequential(LookBack(WIDE, WIDE, 3), nn.Mish())),
        final_proj=nn.Conv1d(WIDE, 80, 1), time_mlp=nn.Linear(WIDE, WIDE), time_embeddings=Moments(),
        time_embed_mixer=nn.Linear(2 * WIDE, WIDE) if meanflow else None,
        causal=True, static_chunk_size=0, meanflow=meanflow,
    )  # fmt: skip


class Relative(nn.Module):
    """The encoder's attention: what encoder.py reads of it."""

    def __init__(self) -> None:
        super().__init__()
        self.h, self.d_k = HEADS, WIDE // HEADS
        self.into, self.linear_out, self.linear_pos = (
            nn.Linear(WIDE, n * WIDE, bias=n > 1) for n in (3, 1, 1)
        )  # fmt: skip
        self.pos_bias_u, self.pos_bias_v = (nn.Parameter(torch.randn(HEADS, self.d_k)) for _ in range(2))

    def forward_qkv(self, x: Tensor, _key: Tensor, _value: Tensor) -> tuple[Tensor, ...]:
        return self.into(x).view(*x.shape[:2], 3, HEADS, -1).permute(2, 0, 3, 1, 4).unbind(0)


def layer() -> nn.Module:
    norms = {name: nn.LayerNorm(WIDE) for name in ("norm_mha", "norm_ff")}
    plain = {"conv_module": None, "feed_forward_macaron": None, "normalize_before": True}
    return named(self_attn=Relative(), feed_forward=nn.Linear(WIDE, WIDE), **norms, **plain)


class Placed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Sequential(nn.Linear(WIDE, WIDE), nn.LayerNorm(WIDE))

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        distance = torch.arange(x.shape[1] - 1, -x.shape[1], -1.0)[None, :, None]
        return self.out(x), torch.sin(distance * torch.linspace(0.05, 1, WIDE)), mask


class Ahead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(WIDE, WIDE, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(F.pad(x.transpose(1, 2), (0, 3))).transpose(1, 2)


class Up(nn.Module):
    stride = 2

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(WIDE, WIDE, 5)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return self.conv(F.pad(x.repeat_interleave(2, dim=2), (4, 0))), lengths * 2


def flow(meanflow: bool) -> nn.Module:
    encoder = named(
        encoders=nn.ModuleList([layer()]), up_encoders=nn.ModuleList([layer()]), embed=Placed(), up_embed=Placed(),
        pre_lookahead_layer=Ahead(), up_layer=Up(), after_norm=nn.LayerNorm(WIDE),
        static_chunk_size=0, use_dynamic_chunk=False,
    )  # fmt: skip
    decoder = named(estimator=estimator(meanflow), inference_cfg_rate=0.7, t_scheduler="cosine")
    return named(
        encoder=encoder, decoder=decoder, input_embedding=nn.Embedding(100, WIDE), encoder_proj=nn.Linear(WIDE, 80),
        spk_embed_affine_layer=nn.Linear(192, 80), token_mel_ratio=2, vocab_size=100,
    )  # fmt: skip


class Snake(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.alpha, self.alpha_logscale, self.no_div_by_zero = nn.Parameter(torch.ones(width)), False, 1e-9


def resblock(width: int) -> nn.Module:
    conv = nn.utils.parametrizations.weight_norm
    return named(
        convs1=nn.ModuleList([conv(nn.Conv1d(width, width, 3, padding=d, dilation=d)) for d in (1, 3)]),
        convs2=nn.ModuleList([conv(nn.Conv1d(width, width, 3, padding=1)) for _ in range(2)]),
        activations1=nn.ModuleList([Snake(width) for _ in range(2)]),
        activations2=nn.ModuleList([Snake(width) for _ in range(2)]),
    )  # fmt: skip


def vocoder() -> nn.Module:
    """Strides 8, 5, 3 and a hop of 4, as Chatterbox's, with few channels."""
    widths = (16, 12, 8, 6)
    ups = [
        nn.ConvTranspose1d(widths[i], widths[i + 1], k, u, padding=(k - u) // 2)
        for i, (u, k) in enumerate(((8, 16), (5, 11), (3, 7)))
    ]
    downs = [
        nn.Conv1d(18, widths[1], 30, 15, padding=7),
        nn.Conv1d(18, widths[2], 6, 3, padding=1),
        nn.Conv1d(18, widths[3], 1),
    ]
    sines = SimpleNamespace(harmonic_num=8, voiced_threshold=10, noise_std=0.003, sine_amp=0.1, sampling_rate=24_000)
    heard = nn.Sequential(nn.Conv1d(80, 8, 3, padding=1), nn.ELU(), nn.Conv1d(8, 8, 3, padding=1), nn.ELU())
    return named(
        f0_predictor=named(condnet=heard, classifier=nn.Linear(8, 1)), m_source=named(l_sin_gen=sines, l_linear=nn.Linear(9, 1)),
        f0_upsamp=nn.Upsample(scale_factor=480), istft_params={"n_fft": 16, "hop_len": 4}, stft_window=torch.hann_window(16),
        conv_pre=nn.utils.parametrizations.weight_norm(nn.Conv1d(80, 16, 7, padding=3)), ups=nn.ModuleList(ups),
        source_downs=nn.ModuleList(downs), source_resblocks=nn.ModuleList([resblock(w) for w in widths[1:]]),
        resblocks=nn.ModuleList([resblock(w) for w in widths[1:] for _ in range(2)]), num_kernels=2, num_upsamples=3,
        conv_post=nn.Conv1d(6, 18, 7, padding=3), reflection_pad=nn.ReflectionPad1d((1, 0)), lrelu_slope=0.1, audio_limit=0.99,
    )  # fmt: skip


def s3gen(meanflow: bool = False) -> Any:
    """The same weights at every call."""
    torch.manual_seed(0)
    made = named(flow=flow(meanflow), mel2wav=vocoder(), meanflow=meanflow)
    with torch.no_grad():
        made.mel2wav.f0_predictor.classifier.weight.mul_(100)
        made.mel2wav.conv_post.weight.mul_(3)
    made.trim_fade = torch.cat([torch.zeros(480), (1 + torch.cos(torch.linspace(math.pi, 0, 480))) / 2])
    return made
