"""Crude stems of the words that say what a sentence is about: for comparing what the agent says with the facts of its role."""

import re
from functools import lru_cache

from datagen.text.tokens import token
from datagen.text.wordlist import words

STOP = words(
    "a an the this that these those of for from to at by in on with until till before after within every each per and or but so as if than "
    "then i you he she it we they me him her us them my your his its our their who which what when where how there here be is am are was "
    "were been being do does did done have has had having can could may might must shall should will would just also too only even still "
    "yet again now right okay ok yes yeah yep sure well oh hi hello please thanks thank sorry it's that's there's we're we've we'll "
    "i'm i've isn't aren't doesn't "
    "i'll i'd you're you've you'd you'll they're they'll he's she's what's here's let's not no never always all any some more most other "
    "much many very about around up out off over down back today tomorrow tonight morning afternoon evening night day daily am pm o'clock "
    "half quarter past business working dollars dollar cents cent bucks percent free through toward towards "
    "minute minutes hour hours days week weeks "
    "month months year years weekday weekdays weekend can't don't it'll that'll"
)
"""Words that say nothing of what a sentence is about: grammar, reactions, units and times of day."""
_IRREGULAR = {
    "paid": "pay", "held": "hold", "gave": "giv", "given": "giv", "made": "mak", "took": "tak", "taken": "tak", "sent": "send",
    "brought": "bring", "bought": "buy", "kept": "keep", "left": "leav", "sold": "sell", "met": "meet", "children": "child", "ran": "run",
}  # fmt: skip
_ORDINALS = frozenset(("first", "second", "third"))
_SUFFIXES = ("eries", "ings", "ing", "ies", "ied", "ers", "ery", "ed", "es", "er", "s", "y", "e")
_PLAIN = re.compile(r"[a-z]+(?:[-'][a-z]+)*")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A crude stem of a display word: `delivery`, `Deliveries,`, `delivered` give `deliv`.

    "" for one that says nothing, and for a number.
    """
    low = word.lower().replace("’", "'").strip(".,?!;:…\"'()-").removesuffix("'s")
    if low in _ORDINALS:
        return low  # "a second bag"
    if low in STOP or len(low) < 2 or not _PLAIN.fullmatch(low) or not token(low).plain:
        return ""
    low = _IRREGULAR.get(low, low)
    for _ in range(2):
        for suffix in _SUFFIXES:
            if low.endswith(suffix) and len(low) - len(suffix) >= 3:
                low = low[: -len(suffix)]
                break
    return low
