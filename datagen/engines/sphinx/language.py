"""A small language model of the texts that may be heard: trigrams of them, and around those the commonest words of English.

It must not hear only what it expects. A text is one of many here, its trigrams are smoothed by Witten and Bell (a word sequence seen
once leaves half of its chance to others), and every common word may follow every other: a phrase said twice costs
a few decibels of likelihood, not its being heard.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

from datagen.text.wordlist import words

Gram = tuple[str, ...]

COMMON = tuple(
    sorted(
        words(
            """a about account actually address afternoon again all also am an and another any anything are around as ask at away
            back bad be because been before being best better between big book both but by bye call came can can't card change check
            come could couldn't day days did didn't different do does doesn't doing don't done down each eight else email end even
            every everything evening fifteen fifty find fine first five for forty four friday from get getting give go goes going good
            got great had happened has have haven't having he hear hello help her here hi him his home hour how hundred i i'd i'll i'm
            i've if in is isn't it it's just keep know last late later left let let's like line little long look looking lot made make
            many maybe me mean might mind minute monday money month more morning most much must my name need never new next night nine no
            not nothing now number of off office oh okay old on once one only open or order other our out over own paid part past
            pay people phone place please point problem put question quick quite rather ready really right room said same saturday say
            second see send service set seven she should show since six sixty so some someone something soon sorry start still stop such
            sunday sure take talk tell ten than thank thanks that that's the their them then there there's these they thing things think
            third thirty this those thousand three through thursday till time to today told tomorrow tonight too took try tuesday twelve
            twenty two under until up us use very wait want was wasn't way we we'll we're wednesday week well went were what what's when
            where which while who why will with without won't work would wouldn't wrong yeah year yes yesterday yet you you'd you'll
            you're you've your zero"""
        )
    )
)


def arpa(texts: Sequence[Sequence[str]], others: Sequence[str], trust: int = 1) -> str:
    """An ARPA trigram of the texts, each a list of words; `others` are further words, each as likely alone as one said once.

    `trust` is how often each text counts: what a history is never followed by keeps 1 / (1 + trust) of the chance after one seen once.
    """
    counts = _counts(texts)
    for table in counts:
        for gram in table:
            table[gram] *= trust
    counts[0].update((w,) for w in others if (w,) not in counts[0])
    followers, seen = _histories(counts)
    vocabulary = len(counts[0]) - 1

    @cache
    def chance(gram: Gram) -> float:
        history = gram[:-1]
        lower = chance(gram[1:]) if history else 1 / vocabulary
        kinds = followers[history]
        if not seen[history]:
            return lower
        return (counts[len(history)][gram] + kinds * lower) / (seen[history] + kinds)

    parts = ["\\data\\", *(f"ngram {n}={len(counts[n - 1])}" for n in (1, 2, 3))]
    for n in (1, 2, 3):
        parts += ["", f"\\{n}-grams:"]
        for gram in sorted(counts[n - 1]):
            log_chance = -99.0 if gram == ("<s>",) else math.log10(chance(gram))
            kinds = followers[gram] if n < 3 else 0
            back_off = f" {math.log10(kinds / (seen[gram] + kinds)):.5f}" if kinds else ""
            parts.append(f"{log_chance:.5f} {' '.join(gram)}{back_off}")
    return "\n".join([*parts, "", "\\end\\", ""])


def _counts(texts: Sequence[Sequence[str]]) -> list[Counter[Gram]]:
    """How often each sequence of one, two and three words is in the texts, with their beginnings and ends."""
    counts: list[Counter[Gram]] = [Counter(), Counter(), Counter()]
    for text in texts:
        line = ["<s>", *text, "</s>"]
        for n in (1, 2, 3):
            counts[n - 1].update(tuple(line[i : i + n]) for i in range(len(line) - n + 1))
    return counts


def _histories(counts: Sequence[Counter[Gram]]) -> tuple[Counter[Gram], Counter[Gram]]:
    """How many different words follow each history, and how often any does; the beginning of a text follows none."""
    kinds: Counter[Gram] = Counter()
    seen: defaultdict[Gram, int] = defaultdict(int)
    for table in counts:
        for gram, count in table.items():
            if gram != ("<s>",):
                kinds[gram[:-1]] += 1
                seen[gram[:-1]] += count
    return kinds, Counter(seen)
