"""Runs in Chatterbox's environment: our flow and vocoder beside stock's, the greatest differences as one JSON object on the last line.

flow_against_stock.py light|whole; PYTHONPATH names the repository.
"""

import json
import sys
from typing import Any

import numpy as np
import torch
from tiny_s3gen import lively_s3gen, reference, shrink

from datagen.engines.speakers.chatterbox.model.flow import FlowVocoder
from datagen.engines.speakers.chatterbox.model.reference import Reference
from datagen.engines.speakers.chatterbox.model.watermark import Watermark

ROWS = 8 if sys.argv[1] == "light" else 32
WHOLE = 1_000_000


def stock_mel(s3gen: Any, tokens: torch.Tensor, ref: dict[str, Any], seed: int, steps: int) -> torch.Tensor:
    torch.manual_seed(seed)
    mel: torch.Tensor = s3gen.flow_inference(tokens[None], ref_dict=dict(ref), n_cfm_timesteps=steps, finalize=True)[0]
    return mel


def stock_wave(s3gen: Any, mel: torch.Tensor, seed: int) -> np.ndarray:
    torch.manual_seed(seed)
    wave = s3gen.hift_inference(mel[None].clone())[0].clone()
    faded = s3gen.trim_fade[: wave.shape[1]]
    wave[:, : len(faded)] *= faded
    return wave[0].numpy()


def apart(ours: list[Any], theirs: list[Any]) -> float:
    assert [tuple(a.shape) for a in ours] == [tuple(b.shape) for b in theirs]
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in zip(ours, theirs, strict=True))


def compared(meanflow: bool) -> dict[str, float]:
    stock = lively_s3gen(meanflow)
    batched = FlowVocoder(lively_s3gen(meanflow), "cpu", flow_frames=WHOLE, vocoder_frames=WHOLE)
    generator = torch.Generator().manual_seed(1)
    counts = [1, 2, 75, *torch.randint(1, 50, (ROWS - 3,), generator=generator).tolist()]
    prompts = [40, 2, 9, *torch.randint(1, 40, (ROWS - 3,), generator=generator).tolist()]
    tokens = [torch.randint(0, 6561, (count,), generator=generator) for count in counts]
    refs = [reference(count, generator) for count in prompts]
    seeds, steps = list(range(100, 100 + ROWS)), 2 if meanflow else 3
    theirs = [stock_mel(stock, *row, steps) for row in zip(tokens, refs, seeds, strict=True)]
    their_waves = [stock_wave(stock, mel, seed) for mel, seed in zip(theirs, seeds, strict=True)]
    mels, waves = batched.mels(tokens, refs, seeds, steps), batched.waves(theirs, seeds)
    alone = [batched.mels([t], [r], [s], steps)[0] for t, r, s in zip(tokens, refs, seeds, strict=True)]
    waves_alone = [batched.waves([mel], [seed])[0] for mel, seed in zip(theirs, seeds, strict=True)]
    back = batched.mels(tokens[::-1], refs[::-1], seeds[::-1], steps)[::-1]
    with torch.no_grad():
        pitch = torch.cat([stock.mel2wav.f0_predictor(mel[None].clone())[0] for mel in theirs])
    half = FlowVocoder(lively_s3gen(meanflow), "cpu", "bfloat16", flow_frames=WHOLE).mels(tokens, refs, seeds, steps)
    return {
        "mel": apart(mels, theirs), "mel_alone": apart(alone, theirs), "mel_reversed": apart(back, mels),
        "wave": apart(waves, their_waves), "wave_alone": apart(waves_alone, their_waves),
        "mel_spread": float(torch.cat(theirs, 1).std()), "wave_spread": float(np.concatenate(their_waves).std()),
        "voiced": float((pitch > 10).float().mean()), "mel_bfloat16": apart(half, theirs),
        "mel_other_seed": apart(batched.mels(tokens[:1], refs[:1], [7], steps), theirs[:1]),
        "wave_other_seed": apart(batched.waves(theirs[:1], [7]), their_waves[:1]),
    }  # fmt: skip


def conditioning() -> dict[str, float]:
    """Clips through stock's embed_ref: another rate, over 10 s, a length that is no multiple of 40 ms."""
    s3gen = lively_s3gen(False)
    batched = FlowVocoder(lively_s3gen(False), "cpu")
    generator = torch.Generator().manual_seed(2)
    tokens, made = torch.randint(0, 6561, (5,), generator=generator), {}
    for name, seconds, rate in (("other_rate", 2.0, 22_050), ("long", 12.0, 24_000), ("odd", 1.51, 24_000)):
        clip = torch.randn(int(seconds * rate), generator=generator) * 0.1
        ref = s3gen.embed_ref(clip, rate)
        kept = Reference.of(ref)
        made[f"{name}_tokens"], made[f"{name}_frames"] = len(kept.tokens), len(kept.mel)
        cut = {**ref, "prompt_token": kept.tokens[None], "prompt_token_len": torch.tensor([len(kept.tokens)])}
        cut["prompt_feat"] = kept.mel[None]
        made[name] = apart(batched.mels([tokens], [ref], [3], 2), [stock_mel(s3gen, tokens, cut, 3, 2)])
    return made


def marked() -> dict[str, Any]:
    watermark = Watermark()
    if not watermark.available:
        return {"available": False, "missing": watermark.missing}
    wave = (np.random.default_rng(0).standard_normal(24_001 * 3) * 0.1).astype(np.float32)
    done = watermark.apply(wave)
    return {
        "available": True, "same_length": len(done) == len(wave), "changed": float(np.abs(done - wave).max()),
        "before": watermark.confidence(wave), "after": watermark.confidence(done),
    }  # fmt: skip


torch.set_num_threads(1)
shrink()
print(
    json.dumps(
        {"original": compared(False), "turbo": compared(True), "conditioning": conditioning(), "watermark": marked()}
    )
)
