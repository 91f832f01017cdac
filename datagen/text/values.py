"""The values of a text: every number, sum, time, date, code and name, found in display or in spoken form."""

import re
from functools import lru_cache

from datagen.text import forms
from datagen.text.find_display import BARE, display_values
from datagen.text.find_names import name_at
from datagen.text.find_numbers import Found, fraction_at, half_after, number_at, starts_number
from datagen.text.forms import Value, ValueType
from datagen.text.tokens import DAY_GROUPS, Token, cards_of, tokens_of
from datagen.text.units import unit_of
from datagen.text.wordlist import words

_SPOKEN_EMAIL = re.compile(r"(\S+(?: (?:dot|dash|underscore) \S+)*) at ([\w-]+(?: dot \w+)+)")
_ID_WORDS = words(
    "account card code pin number confirmation reference ending ticket id case order digits zip policy booking"
)

_BEFORE_MONTH = words(
    "in of by until till this next last since for from early late mid during before after and to through"
)


def find_values(text: str) -> list[Value]:
    """The values of `text` in the order of their words; see `datagen.text.forms` for how two are compared."""
    return list(values_of(text))


@lru_cache(maxsize=1024)
def values_of(text: str) -> tuple[Value, ...]:
    """What `find_values` finds, kept for texts that come again (a role context, a phrase)."""
    toks = tokens_of(text)
    values: list[Value] = []
    end, last = 0, len(toks) - 1
    for i in [i for i, tok in enumerate(toks) if not tok.plain]:
        if i < end:
            continue  # part of the value before
        tok = toks[i]
        following = toks[i + 1] if i < last else None
        if tok.wordy:
            # A sentence's first word names someone if it is a first name, or if another name follows it.
            opens = i == 0 or toks[i - 1].ends
            if opens and not tok.given and (tok.opener or following is None or not following.nameable):
                continue
        elif tok.letter == "I" and (following is None or not (following.letter or following.digit or following.atoms)):
            continue  # no letter of a code
        found, end = _at(toks, i)
        if found:
            surface = " ".join([t.raw for t in toks[i:end]])
            values += [v.at(surface, i, end - i) for v in found]
    if " dot " in text:
        values += _spoken_emails(text)
    return tuple(values)


def _at(toks: list[Token], i: int) -> Found:
    tok = toks[i]
    if tok.wordy:
        return name_at(toks, i) or ([], i + 1)
    after = toks[i + 1] if i + 1 < len(toks) else None
    if after is not None and (after.letter or after.digit or after.atoms or after.low in ("dash", "as")):
        spelled = _spelled_at(toks, i)
        if spelled:
            return spelled
    if tok.month and _names_month(toks, i):
        return _month(toks, i)
    if tok.weekday or tok.low in DAY_GROUPS:
        return _weekdays(toks, i)
    if tok.digit:
        return _display(toks, i)
    if starts_number(toks, i):
        return number_at(toks, i)
    found = fraction_at(toks, i) or name_at(toks, i)
    if found:
        return found
    return list(display_values(tok.core)) or _hyphenated(tok), i + 1


def _names_month(toks: list[Token], i: int) -> bool:
    """Whether a month's name is one: `May` and `March` are other words too, above all where a sentence opens."""
    if toks[i].low not in ("march", "may") or _day_after(toks, i):
        return True
    return not _opens(toks, i) and (toks[i].low == "march" or toks[i - 1].low in _BEFORE_MONTH)


def _weekdays(toks: list[Token], i: int) -> Found:
    """A weekday, a group of them (`weekends`), or a range of them."""
    tok = toks[i]
    if tok.low in DAY_GROUPS:
        return [forms.weekdays(DAY_GROUPS[tok.low])], i + 1
    to = i + 1 < len(toks) and not tok.breaks and toks[i + 1].low in ("to", "through", "thru", "till", "until")
    if to and i + 2 < len(toks) and toks[i + 2].weekday:
        return [forms.weekday_range(tok.weekday, toks[i + 2].weekday)], i + 3
    return [forms.weekday(tok.weekday)], i + 1


def _opens(toks: list[Token], i: int) -> bool:
    return i == 0 or toks[i - 1].ends


def _hyphenated(tok: Token) -> list[Value]:
    """`two-year`, `thirty-day`: the number of a compound; `Mon-Fri`: a range of days."""
    pieces = tok.low.replace("–", "-").split("-")
    days = [_piece(p.capitalize()).weekday for p in pieces if p]
    if len(days) == 2 and all(days):
        return [forms.weekday_range(days[0], days[1])]
    cards = cards_of([pieces[0]]) if len(pieces) > 1 and starts_number([_piece(pieces[0])], 0) else []
    if not cards or cards[0].endswith("#"):
        return []
    return [forms.quantity(cards[0], unit_of(pieces[1]), idiom=cards[0] == "1")]


def _piece(word: str) -> Token:
    return tokens_of(word)[0]


def _display(toks: list[Token], i: int) -> Found:
    tok = toks[i]
    values = list(display_values(tok.core))
    if tok.core.isdigit() and len(tok.core) == 3 and i + 1 < len(toks) and toks[i + 1].digit:
        local = display_values(toks[i + 1].core)
        if len(local) == 1 and local[0].type is ValueType.PHONE and len(local[0].canonical) == 7:
            return [forms.code(tok.core + local[0].canonical, [tok.core, local[0].canonical], phone=True)], i + 2
    if not values and BARE.fullmatch(tok.core):
        if tok.core.isdigit() and len(tok.core) > 2 and _id_before(toks, i):
            return [forms.code(tok.core)], i + 1
        return number_at(toks, i)
    end = i + 1
    if not values:  # nothing that we know, so to the letter
        return [forms.code("".join(c for c in tok.core.upper() if c.isalnum()))], end
    if tok.core[0] in "$€£" and _magnitude(toks, i + 1):
        total = float(values[0].canonical) * _magnitude(toks, i + 1)
        return [forms.money(f"{total:.2f}")], i + 2
    if len(values) == 1 and values[0].type is ValueType.TIME:
        half, end = half_after(toks, i + 1)
        if half:
            hour, minute = values[0].canonical.split(":")
            values = [forms.time(int(hour), int(minute), half)]
    if len(values) == 1 and values[0].type is ValueType.ORDINAL:
        k = i + 1 + (i + 1 < len(toks) and toks[i + 1].low == "of")
        if k < len(toks) and toks[k].month and not tok.breaks:
            return [forms.date(toks[k].month, int(values[0].canonical))], k + 1
    return values, end


def _magnitude(toks: list[Token], j: int) -> int:
    sizes = {"thousand": 1_000, "million": 1_000_000, "billion": 10**9, "hundred": 100, "grand": 1_000}
    return sizes.get(toks[j].low, 0) if j < len(toks) and not toks[j - 1].breaks else 0


def _id_before(toks: list[Token], i: int) -> bool:
    return any(t.low.removesuffix("s") in _ID_WORDS or t.low in _ID_WORDS for t in toks[max(0, i - 3) : i])


def _day_after(toks: list[Token], i: int) -> int:
    """The day of the month that follows the month at word `i` (`3`, `3rd`, `third`, `the third`), 0 where none does."""
    return _day(toks, i)[0]


def _day(toks: list[Token], i: int) -> tuple[int, int]:
    j = i + 1
    if j < len(toks) and toks[j].low == "the":
        j += 1
    if j >= len(toks) or toks[i].ends:
        return 0, i + 1
    tok = toks[j]
    digits = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?", tok.core)
    if digits:
        return (int(digits[1]), j + 1) if 1 <= int(digits[1]) <= 31 else (0, i + 1)
    atoms: list[str] = []
    while j < len(toks) and toks[j].atoms and len(atoms) < 2:
        atoms += toks[j].atoms
        j += 1
        if len(cards_of(atoms)) > 1:
            atoms, j = atoms[:-1], j - 1
            break
        if toks[j - 1].breaks or atoms[-1] not in ("twenty", "thirty"):
            break
    cards = cards_of(atoms)
    day = int(cards[0].rstrip("#")) if len(cards) == 1 else 0
    return (day, j) if 1 <= day <= 31 else (0, i + 1)


def _month(toks: list[Token], i: int) -> Found:
    """A month, with its day and year where they follow."""
    day, j = _day(toks, i)
    values = [forms.date(toks[i].month, day)] if day else [forms.month(toks[i].month)]
    if j < len(toks) and re.fullmatch(r"(?:19|20)\d\d", toks[j].core) and not toks[j - 1].ends:
        return [*values, forms.year(toks[j].core)], j + 1
    return values, j


def _spelled_at(toks: list[Token], i: int) -> Found | None:
    """A code or a name spelled in single letters and digits: `A seven four K two`, `P, A, T, E, L`."""
    if not toks[i].letter and not (toks[i].atoms or toks[i].core.isdigit()):
        return None
    said: list[str] = []
    n_letters, j = 0, i
    while j < len(toks):
        tok = toks[j]
        if tok.letter:
            said.append(tok.letter)
            n_letters += 1
        elif tok.core.isdigit() or (tok.atoms and not cards_of(list(tok.atoms))[-1].endswith("#")):
            said += [tok.core] if tok.core.isdigit() else cards_of(list(tok.atoms))
        elif tok.low == "dash" and said:
            pass
        else:
            break
        j += 1
        if toks[j - 1].ends:
            break
        if tok.letter and j + 2 < len(toks) and toks[j].low == "as" and toks[j + 1].low == "in":
            j += 3
    if n_letters == 0 or len(said) < 3 or said == ["I"]:
        return None
    return [forms.code("".join(said))], j


def _spoken_emails(text: str) -> list[Value]:
    found: list[Value] = []
    lower = text.lower().rstrip(".?! ")
    for match in _SPOKEN_EMAIL.finditer(lower):
        address = f"{match[1]}@{match[2]}".replace(" dot ", ".").replace(" dash ", "-").replace(" underscore ", "_")
        n = len(match[0].split())
        found.append(forms.email(address).at(match[0], len(lower[: match.start()].split()), n))
    return found
