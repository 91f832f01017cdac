"""Runs in Chatterbox's environment: our T3 beside stock's loops, what differs as one JSON object on the last line.

t3_against_stock.py REPOSITORY original|turbo light|whole
"""

import json
import sys
from collections.abc import Callable
from typing import Any

sys.path.insert(0, sys.argv[1])

import torch
from tiny_t3 import condition, lively_t3
from torch.nn import functional

from datagen.engines.speakers.chatterbox.model import slots
from datagen.engines.speakers.chatterbox.model.rows import Conditionals, Row
from datagen.engines.speakers.chatterbox.model.sampler import gumbel, words
from datagen.engines.speakers.chatterbox.model.t3 import T3

LONG, ROWS, FORCED = 200, 32, 60
LIGHT = sys.argv[3] == "light"
"""Fewer long rows and sizes of batch, the likeliest tokens alone: what CI has time for."""
Choose = Callable[[Any, int], Any]
"""(probabilities [1, entries], how many tokens there are) gives the next one [1, 1]."""


class Stock:
    """Stock's own loops, with another choice in the place of torch.multinomial."""

    def __init__(self, turbo: bool, stops: float = 1.6) -> None:
        self.t3, self.turbo = lively_t3(turbo, stops), turbo

    def conditionals(self, voice: int) -> Conditionals:
        with torch.no_grad():
            return Conditionals(self.t3.prepare_conditioning(condition(voice, self.turbo))[0], {})

    def tokens(self, row: Row, voice: int, text: Any, choose: Choose) -> list[int]:
        drawn: list[int] = []

        def multinomial(shares: Any, num_samples: int) -> Any:
            chosen = choose(shares, len(drawn))
            drawn.append(int(chosen))
            return chosen

        real, torch.multinomial = torch.multinomial, multinomial
        try:
            self._run(row, condition(voice, self.turbo), text)
        finally:
            torch.multinomial = real
        return drawn[:-1] if drawn[-1] == self.t3.hp.stop_speech_token else drawn

    def _run(self, row: Row, voice: Any, text: Any) -> None:
        temperature = row.temperature or 1.0  # 0 is greedy with us; stock would divide by it
        if self.turbo:
            self.t3.inference_turbo(
                voice, text[None], temperature, top_p=row.top_p, repetition_penalty=row.repetition_penalty,
                max_gen_len=row.max_tokens - 1,
            )  # fmt: skip
            return
        marked = functional.pad(functional.pad(text[None], (1, 0), value=255), (0, 1), value=0)
        self.t3.inference(
            t3_cond=voice, text_tokens=marked.repeat(2, 1), max_new_tokens=row.max_tokens, temperature=temperature,
            top_p=row.top_p, min_p=row.min_p, repetition_penalty=row.repetition_penalty, cfg_weight=row.cfg_weight,
        )  # fmt: skip


def greedy(shares: Any, _: int) -> Any:
    return shares.argmax(-1, keepdim=True)


def noisy(seed: int) -> Choose:
    """Our own draw: the softmax's logarithm plus the noise of (seed, token's number)."""

    def choose(shares: Any, count: int) -> Any:
        noise = gumbel(torch.tensor([words(seed)]), torch.tensor([count]), shares.shape[-1])
        return (shares.log() + noise).argmax(-1, keepdim=True)

    return choose


def the_rows(stock: Stock, sampled: bool) -> tuple[list[Row], list[Any]]:
    """Rows of three voices, texts of 3 to 60 tokens, limits of 9 to 200 tokens (80 where stop marks come)."""
    generator = torch.Generator().manual_seed(3)
    limits = [
        (80 if sampled else LONG) if number % (32 if LIGHT else 6) == 0 else 9 + (1 if LIGHT else 7) * (number % 8)
        for number in range(ROWS)
    ]
    lengths = torch.randint(3, 61, (ROWS,), generator=generator).tolist()
    said = [torch.randint(1, 250, (length,), generator=generator) for length in lengths]
    voices = [stock.conditionals(voice) for voice in range(3)]
    rows = [
        Row(
            "said", voices[number % 3], seed=7000 + number, max_tokens=limit, cfg_weight=0.3 + 0.1 * (number % 4),
            temperature=0.6 + 0.2 * (number % 3) if sampled else 0.0, top_p=(1.0, 0.9)[number % 2] if sampled else 1.0,
            min_p=0.02 * (number % 3) if sampled else 0.05, repetition_penalty=1.0 + 0.1 * (number % 3),
        )
        for number, limit in enumerate(limits)
    ]  # fmt: skip
    return rows, said


def ours(t3: T3, rows: list[Row], said: list[Any]) -> list[list[int]]:
    done = dict(t3.decode(rows, said))
    return [done[number].ids.tolist() for number in range(len(rows))]


def against(turbo: bool, sampled: bool) -> dict[str, Any]:
    """How many of the rows are stock's own, by size of batch."""
    stock = Stock(turbo, stops=1.6 if sampled else 0.0)
    rows, said = the_rows(stock, sampled)
    choices = [noisy(row.seed) if sampled else greedy for row in rows]
    theirs = [
        stock.tokens(row, number % 3, said[number], choices[number])
        for number, row in enumerate(rows)
    ]  # fmt: skip
    told: dict[str, Any] = {"rows": ROWS, "longest": max(map(len, theirs)), "stopped": 0, "different": 0}
    told["stopped"] = sum(len(ids) < row.max_tokens for ids, row in zip(theirs, rows, strict=True))
    told["different"] = len({tuple(ids) for ids in theirs})
    for places in (1, 32) if LIGHT else (1, 3, 8, 32):
        mine = ours(T3(lively_t3(turbo, stops=1.6 if sampled else 0.0), "cpu", torch.float32, places), rows, said)
        told[f"equal_{places}"] = sum(a == b for a, b in zip(mine, theirs, strict=True))
    return told


def forced_logits(turbo: bool, dtype: torch.dtype, sides: int = 2) -> dict[str, float]:
    """The greatest difference of a logit over FORCED given tokens, four rows of unequal length in one batch."""
    stock = Stock(turbo)
    rows, said = the_rows(stock, sampled=False)
    weight = 0.5 if sides == 2 else 0.0
    chosen = sorted(range(4), key=lambda number: -len(said[number]))
    forced = torch.randint(0, 6561, (4, FORCED), generator=torch.Generator().manual_seed(8))
    theirs = []
    for place, number in enumerate(chosen):
        heard: list[Any] = []
        hook = stock.t3.speech_head.register_forward_hook(lambda _m, _i, out, heard=heard: heard.append(out[:, -1]))
        row = Row("said", rows[number].conditionals, 0, cfg_weight=0.5, max_tokens=FORCED)
        stock.tokens(row, number % 3, said[number], lambda _s, count, place=place: forced[place, count].view(1, 1))
        hook.remove()
        both = torch.stack(heard[:FORCED])
        theirs.append(both[:, 0] if turbo else both[:, 0] + weight * (both[:, 0] - both[:, 1]))
    mine: list[Any] = []

    def sample(logits: Any, *_: Any) -> Any:
        mine.append(logits)
        return forced[:, len(mine) - 1]

    real, slots.sample = slots.sample, sample
    try:
        same = [Row("said", rows[n].conditionals, 0, cfg_weight=weight, max_tokens=FORCED) for n in chosen]
        ours(T3(lively_t3(turbo), "cpu", dtype, 4), same, [said[n] for n in chosen])
    finally:
        slots.sample = real
    expected, found = torch.stack(theirs), torch.stack(mine, 1)
    return {
        "apart": float((expected - found).abs().max()),
        "spread": float(expected.std()),
        "same_best": float((expected.argmax(-1) == found.argmax(-1)).float().mean()),
    }


def main() -> None:
    torch.set_num_threads(1)
    turbo = sys.argv[2] == "turbo"
    told: dict[str, Any] = {"logits": forced_logits(turbo, torch.float32), "greedy": against(turbo, sampled=False)}
    if not LIGHT:
        told["bfloat16"] = forced_logits(turbo, torch.bfloat16)
        told["sampled"] = against(turbo, sampled=True)
    if not turbo:
        told["without_cfg"] = forced_logits(False, torch.float32, sides=1)
    sys.stdout.write("\n" + json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
