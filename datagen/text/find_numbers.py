"""Values that begin with a bare number, in words or digits: the words after it say what it is."""

from datagen.text import forms
from datagen.text.find_display import BARE
from datagen.text.forms import Value
from datagen.text.tokens import ORDINALS, REPEATS, SCALES, Token, cards_of
from datagen.text.units import COUNTED, unit_after
from datagen.text.wordlist import words

Found = tuple[list[Value], int]
"""The values found, and the index of the word after them."""

_TALK = words(
    "things thing questions question options option ways way quick details detail moment moments seconds second parts part "
    "reasons reason ideas idea choices choice steps step more "
    "kinds kind types type sorts sort"
)
_OF_LISTED = words("all both step option these those other")
_NO_TROUBLE = words("problem problems worries issues issue trouble")
_ONE_PHRASES = words("moment second minute question thing call point person time")
_MEASURING = words("in takes take within is about only just for after least most up to than last lasts every")
_LISTING = frozenset(("got", "have", "are", "offer"))  # "We've got two. One is …"
_DIGIT_NOUNS = frozenset(("digit", "digits", "numbers", "letters", "characters"))
_HALVES = {"am": "am", "a.m": "am", "pm": "pm", "p.m": "pm"}
_DAYPARTS = {"morning": "am", "afternoon": "pm", "evening": "pm", "night": "pm"}
_FRACTIONS = {"half": 0.5, "quarter": 0.25}


def number_at(toks: list[Token], i: int) -> Found:
    """The value that begins with the bare number at word `i`, and where it ends."""
    tok = toks[i]
    if tok.digit:
        text = tok.core.lstrip("+-−")
        return _finish(toks, i, i + 1, [text])
    atoms, j = _run(toks, i)
    cards = cards_of(atoms)
    j, decimals = _decimals(toks, j)
    if decimals and cards and "#" not in cards[-1]:
        cards[-1] += "." + decimals
    return _finish(toks, i, j, cards)


def starts_number(toks: list[Token], i: int) -> bool:
    """Whether a number in words begins at word `i` (`double four`, `oh four one`, `a hundred` included)."""
    tok = toks[i]
    if tok.atoms:
        return True
    after = toks[i + 1] if i + 1 < len(toks) else None
    if tok.low in REPEATS:
        return after is not None and len(after.atoms) == 1 and len(cards_of(list(after.atoms))[0]) == 1
    following = toks[i + 1 : i + 3]
    return tok.low == "oh" and not tok.breaks and len(following) == 2 and all(t.atoms for t in following)


def _run(toks: list[Token], i: int) -> tuple[list[str], int]:
    """The number words from word `i` on that belong together; digit groups go on over commas."""
    atoms: list[str] = []
    j = i
    while j < len(toks):
        tok = toks[j]
        if tok.low in REPEATS and j + 1 < len(toks) and toks[j + 1].atoms:
            atoms += list(toks[j + 1].atoms) * REPEATS[tok.low]
            j += 2
        elif tok.atoms or (tok.low == "oh" and (atoms or j == i)):
            atoms += tok.atoms or ("oh",)
            j += 1
            if atoms[-1] in ORDINALS:
                break
        elif (
            tok.low == "and"
            and atoms
            and atoms[-1] in SCALES
            and j + 1 < len(toks)
            and toks[j + 1].atoms
            and not tok.breaks
        ):
            j += 1
            continue
        else:
            break
        if toks[j - 1].breaks and not (_all_digits(atoms) and j < len(toks) and _digit_token(toks[j])):
            break
    return atoms, j


def _all_digits(atoms: list[str]) -> bool:
    """Whether two or more digits were said one by one so far."""
    return len(atoms) > 1 and all(a in _DIGIT_WORDS for a in atoms)


def _digit_token(tok: Token) -> bool:
    return tok.low in ("oh", *REPEATS) or (len(tok.atoms) == 1 and tok.atoms[0] in _DIGIT_WORDS)


_DIGIT_WORDS = words("zero oh one two three four five six seven eight nine")


def _decimals(toks: list[Token], j: int) -> tuple[int, str]:
    if not _is(toks, j, "point") or j + 1 >= len(toks) or not toks[j + 1].atoms or toks[j - 1].breaks:
        return j, ""
    atoms, end = _run(toks, j + 1)
    return end, "".join(cards_of(atoms))


def _is(toks: list[Token], j: int, *lows: str) -> bool:
    return j < len(toks) and toks[j].low in lows


def _finish(toks: list[Token], i: int, j: int, cards: list[str]) -> Found:
    """The value of `cards` in the light of what follows word `j`."""
    if cards[-1].endswith("#"):
        return _finish_ordinal(toks, i, j, cards)
    if toks[j - 1].breaks:
        return [_bare(toks, i, j, cards)], j
    j, cards = _scale(toks, j, cards)
    n, end = _with_fraction(toks, j, cards)
    for read in (_money, _percent, _clock):
        found = read(toks, end, n, cards)
        if found:
            return found
    month = toks[j].month if j < len(toks) and len(cards) == 1 and cards[0].isdigit() and int(cards[0]) <= 31 else 0
    if month and month != 5 and int(cards[0]) > 0:
        return [forms.date(month, int(cards[0]))], j + 1
    if end != j:
        return [forms.quantity(n, unit_after(toks, end) or "half")], end
    return [_bare(toks, i, j, cards)], j


def _scale(toks: list[Token], j: int, cards: list[str]) -> tuple[int, list[str]]:
    """`5 million`, `2.5 thousand`: a display number with its scale in words."""
    if toks[j - 1].digit and j < len(toks) and len(toks[j].atoms) == 1 and toks[j].atoms[0] in SCALES:
        scaled = float(cards[-1].replace(",", "")) * SCALES[toks[j].atoms[0]]
        return j + 1, [*cards[:-1], f"{scaled:.2f}".removesuffix(".00")]
    return j, cards


def _with_fraction(toks: list[Token], j: int, cards: list[str]) -> tuple[str, int]:
    """The number as text, `and a half` taken in; two cards read as units and hundredths."""
    if len(cards) == 1:
        if _is(toks, j, "and") and _is(toks, j + 1, "a") and j + 2 < len(toks) and toks[j + 2].low in _FRACTIONS:
            return f"{float(cards[0].replace(',', '')) + _FRACTIONS[toks[j + 2].low]:g}", j + 3
        return cards[0], j
    if len(cards) == 2 and len(cards[1]) == 2:
        return f"{cards[0]}.{cards[1]}", j
    return "".join(cards), j


def _money(toks: list[Token], j: int, n: str, cards: list[str]) -> Found | None:
    if _is(toks, j, "cents", "cent"):
        return [forms.money(f"{int(cards[-1].replace(',', '')) / 100:.2f}")], j + 1
    if not _is(toks, j, "dollars", "dollar", "bucks", "buck", "euros", "euro", "pounds"):
        return None
    end, k = j + 1, j + 1
    if toks[j].breaks or "." in n:
        return [forms.money(n)], end
    k += _is(toks, k, "and")
    if k < len(toks) and (toks[k].atoms or BARE.fullmatch(toks[k].core)):
        atoms, after = _run(toks, k) if toks[k].atoms else ([], k + 1)
        small = cards_of(atoms) if atoms else [toks[k].core]
        if len(small) == 1 and small[0].isdigit() and int(small[0]) < 100 and _closes_cents(toks, k, after, small[0]):
            end = after + _is(toks, after, "cents", "cent")
            n = f"{n}.{int(small[0]):02d}"
    return [forms.money(n)], end


def _closes_cents(toks: list[Token], k: int, after: int, small: str) -> bool:
    """Whether the number after `dollars` is its cents: the word follows, or nothing does that it could count."""
    return _is(toks, after, "cents", "cent") or (
        len(small) == 2 and (toks[after - 1].breaks or after == len(toks) or toks[after].low not in COUNTED)
    )


def _percent(toks: list[Token], j: int, n: str, cards: list[str]) -> Found | None:
    if _is(toks, j, "percent", "%"):
        return [forms.percent(n, idiom=n == "100" and not toks[j - 1].digit)], j + 1
    if _is(toks, j, "per") and _is(toks, j + 1, "cent"):
        return [forms.percent(n)], j + 2
    return None


def _clock(toks: list[Token], j: int, n: str, cards: list[str]) -> Found | None:
    """`seven p.m.`, `seven thirty in the evening`, `ten o'clock`, `ten past six`."""
    whole = [c for c in cards if c.isdigit()]
    if len(whole) != len(cards) or len(cards) > 3:
        return None
    hour = int(cards[0])
    minute = int("".join(cards[1:]) or "0")
    if _is(toks, j, "past", "after", "till") or (_is(toks, j, "to") and len(cards) == 1 and hour in (5, 10, 20, 25)):
        return _relative(toks, j, hour) if len(cards) == 1 else None
    if hour > 24 or minute > 59:
        return None
    if _is(toks, j, "o'clock"):
        half, end = half_after(toks, j + 1)
        return [forms.time(hour, 0, half)], end
    half, end = half_after(toks, j)
    return ([forms.time(hour, minute, half)], end) if half else None


def half_after(toks: list[Token], j: int) -> tuple[str, int]:
    """The half of the day that the words from `j` on tell (`p.m.`, `in the evening`, `at night`), and where they end."""
    if j >= len(toks) or (j and toks[j - 1].ends and toks[j - 1].low not in _HALVES):
        return "", j
    low = toks[j].low
    if low in _HALVES and (low != "am" or toks[j].cap or toks[j - 1].digit or toks[j - 1].atoms):
        return _HALVES[low], j + 1
    if low in ("a", "p") and _is(toks, j + 1, "m"):
        return low + "m", j + 2
    if low == "in" and _is(toks, j + 1, "the") and j + 2 < len(toks) and toks[j + 2].low in _DAYPARTS:
        return _DAYPARTS[toks[j + 2].low], j + 3
    if low == "at" and _is(toks, j + 1, "night"):
        return "pm", j + 2
    return "", j


def _relative(toks: list[Token], j: int, minutes: int) -> Found | None:
    """`ten past six`, `quarter to seven`: `j` is at the preposition."""
    to = toks[j].low in ("to", "till", "of")
    if j + 1 >= len(toks) or minutes > 30:
        return None
    hour_tok = toks[j + 1]
    cards = [hour_tok.core] if hour_tok.core.isdigit() else cards_of(list(hour_tok.atoms)) if hour_tok.atoms else []
    if len(cards) != 1 or not cards[0].isdigit() or not 1 <= int(cards[0]) <= 12:
        return None
    half, end = half_after(toks, j + 2)
    hour = int(cards[0])
    return [forms.time((hour - 2) % 12 + 1 if to else hour, 60 - minutes if to else minutes, half)], end


def _finish_ordinal(toks: list[Token], i: int, j: int, cards: list[str]) -> Found:
    n = int(cards[-1].rstrip("#"))
    head = [forms.series(cards[:-1])] if len(cards) > 2 else [_bare(toks, i, j, cards[:-1])] if len(cards) == 2 else []
    k = j + _is(toks, j, "of")
    if k < len(toks) and toks[k].month and not toks[j - 1].breaks and n <= 31:
        return [*head, forms.date(toks[k].month, n)], k + 1
    return [*head, forms.ordinal(n, idiom=n <= 3)], j


def _bare(toks: list[Token], i: int, j: int, cards: list[str]) -> Value:
    if cards == ["24", "7"]:
        return forms.quantity("24", idiom=True)  # as 24/7
    if len(cards) > 1:
        return forms.series(cards)
    text = cards[0]
    after = "" if j >= len(toks) or toks[j - 1].breaks else toks[j].low
    before = toks[i - 1].low if i else ""
    plain = text.replace(",", "")
    if (
        plain.isdigit()
        and toks[i].digit
        and ((len(plain) > 6 and "," not in text) or (plain[0] == "0" and len(plain) > 1))
    ):
        return forms.code(plain, phone=len(plain) in (10, 11))
    return forms.quantity(text, unit_after(toks, j), idiom=_idiom(plain, before, after, toks, j))


def _idiom(n: str, before: str, after: str, toks: list[Token], j: int) -> bool:
    """Counts that state nothing: one as a pronoun, two things, a few seconds, number one, all three."""
    if not n.isdigit():
        return False
    k, spelled = int(n), not toks[j - 1].digit
    if k == 0:
        return after in _NO_TROUBLE
    if k == 1 and spelled and _pronoun(before, after, toks, j):
        return True
    if k <= 4 and (after in _TALK or before in _OF_LISTED):
        return True
    if k <= 3 and spelled and not after and before in _LISTING:
        return True
    if k <= 10 and (after in _DIGIT_NOUNS or (before in ("last", "first") and not unit_after(toks, j))):
        return True
    return k >= 100 and before == "a" and (after in ("thanks", "times") or (j > 2 and toks[j - 3].low == "thanks"))


def _pronoun(before: str, after: str, toks: list[Token], j: int) -> bool:
    """Whether `one` counts nothing: no unit follows, or one with which it is a phrase (`one moment`, `one day`)."""
    if not unit_after(toks, j) or after in _ONE_PHRASES:
        return True
    return after in ("day", "night", "year") and before not in _MEASURING


def fraction_at(toks: list[Token], i: int) -> Found | None:
    """`half past seven`, `a quarter to six`, `half an hour`, `an hour and a half`, noon and midnight, a couple, a dozen."""
    tok = toks[i]
    if tok.low in ("noon", "midnight"):
        return [forms.time(12, 0, "pm" if tok.low == "noon" else "am")], i + 1
    if tok.low in ("couple", "dozen"):
        return [forms.quantity("2" if tok.low == "couple" else "12", idiom=tok.low == "couple")], i + 1
    if (
        tok.low in ("half", "quarter")
        and i + 1 < len(toks)
        and toks[i + 1].low in ("past", "after", "to", "till", "of")
    ):
        return _relative(toks, i + 1, 30 if tok.low == "half" else 15)
    if tok.low == "half":
        return _half_hour(toks, i)
    return None


def _half_hour(toks: list[Token], i: int) -> Found | None:
    if _is(toks, i + 1, "an") and _is(toks, i + 2, "hour"):
        return [forms.duration(0.5)], i + 3
    if _is(toks, i + 1, "hour"):
        return [forms.duration(0.5)], i + 2
    if i >= 4 and _is(toks, i - 3, "hour") and _is(toks, i - 2, "and") and _is(toks, i - 4, "an", "one"):
        return [forms.duration(1.5)], i + 1
    return None
