"""The gate on private data: phones, cards, social security numbers and addresses of mail that could be somebody's."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from datagen.protocols import Failure
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.options import WriteOptions
from datagen.text.forms import ValueType
from datagen.text.values import values_of
from datagen.text.wordlist import words

_DIGIT = re.compile(r"\d")
_RUN = re.compile(r"[+(\d](?<![\w-].)(?:(?<=\+)1[-. ]|(?<=1)[-. ])?\(?\d?(?:[-. )(]{0,2}\d){6,18}(?![\w-])")
"""Seven digits or more, in groups or not: what may be a phone, a card or an SSN."""
_PHONE = re.compile(r"(?:\+?1[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])?\d{3}[-.]\d{4}")
_SSN = re.compile(r"(\d{3})[- ](\d{2})[- ](\d{4})")
_TOLL_FREE = re.compile(r"8(?:00|33|44|55|66|77|88)555\d{4}")
_MANY = 7
_SOCIAL = re.compile(r"\bsocial\b|\bssn\b|\bs\.s\.n\b", re.IGNORECASE)
_CALLED = re.compile(r"\b(?:phone|cell|mobile|call|text|reach|number|fax|line|landline)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
_EXAMPLE_MAIL = re.compile(r"(?:.*\.)?(?:example(?:\.(?:com|org|net|edu))?|[\w-]+\.(?:example|test|invalid))")
"""Domains reserved for examples: RFC 2606."""
TEST_CARDS = words(
    "4111111111111111 4012888888881881 4242424242424242 4000056655665556 4222222222222 5555555555554444 5105105105105100 "
    "2223003122003222 5200828282828210 378282246310005 371449635398431 378734493671000 6011111111111117 6011000990139424 "
    "30569309025904 38520000023237 3530111333300000 3566002020360505 6200000000000005"
)
"""Numbers that the card networks and payment services publish for tests."""


def private(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects the first turn, or a role context, that holds an identifier that could be a living person's.

    Synthetic are those of the plan's instance; phones 555-0100 to 555-0199 with or without an area code (NANP's fictitious
    range), and toll-free 555 ones; test card numbers; SSNs of areas that were never issued (000, 666, 900 to 999); mail at example domains.
    """
    texts = [(None, transcript.role_context), *((t, t.text) for t in transcript.turns)]
    own: frozenset[str] | None = None
    for turn, text in texts:
        for reason, what in _identifiers(text):
            if own is None:
                own = _own(plan.instance)
            if _plain(what) not in own:
                where = f"turn {turn.index}: the {turn.speaker} says" if turn else "the role context holds"
                return Failure(f"private_{reason}", f"{transcript.dialog_id} {where} {what}, {_COULD_BE[reason]}.")
    return None


_COULD_BE = {
    "phone": "which could be somebody's phone: 555-0100 to 555-0199 are nobody's",
    "card": "which could be a card: 4111 1111 1111 1111 is nobody's",
    "ssn": "which could be somebody's: areas 000, 666 and 900 to 999 are nobody's",
    "email": "which could be somebody's: example.com, example.org and example.net are nobody's",
}


@lru_cache(maxsize=256)
def _identifiers(text: str) -> tuple[tuple[str, str], ...]:
    """The identifiers of a text that are of no synthetic range, each with its kind."""
    values = values_of(text)
    if not values and "@" not in text:
        return ()  # whatever has digits has values
    found: list[tuple[str, str]] = []
    for value in values:
        if value.type is ValueType.EMAIL and not _EXAMPLE_MAIL.fullmatch(value.canonical.rpartition("@")[2]):
            found.append(("email", value.canonical))
        elif value.type in _SPOKEN and len(value.canonical) > _MANY and value.canonical.isdigit():
            found += _number(value.canonical, text, is_phone=value.type is ValueType.PHONE)
    for run in _RUN.findall(text):
        digits = _plain(run)
        if _SSN.fullmatch(run) and _issued(digits):
            found.append(("ssn", digits))
        elif _PHONE.fullmatch(run):
            found += [] if _fictitious(digits) else [("phone", digits)]
        elif len(digits) > _MANY:
            found += _number(digits, text, is_phone=False)
    if "@" in text:
        mail = (m for m in _EMAIL.finditer(text) if not _EXAMPLE_MAIL.fullmatch(m[1].lower()))
        found += [("email", m[0].lower()) for m in mail]
    return tuple(dict.fromkeys(found))


_SPOKEN = (ValueType.CODE, ValueType.PHONE)


def _number(digits: str, text: str, is_phone: bool) -> Iterator[tuple[str, str]]:
    """What a number is that is written without the marks of its kind, or said: its length and the words beside it tell."""
    if len(digits) >= _CARD_DIGITS and _luhn(digits) and digits not in TEST_CARDS:
        yield "card", digits
    elif len(digits) == _SSN_DIGITS and _SOCIAL.search(text) and _issued(digits):
        yield "ssn", digits
    elif len(digits) in _PHONE_DIGITS and (is_phone or _CALLED.search(text)) and _is_phone(digits):
        yield "phone", digits


_CARD_DIGITS, _SSN_DIGITS, _PHONE_DIGITS = 13, 9, (10, 11)


def _plain(text: str) -> str:
    """The digits of a number; an address of mail as it is."""
    return text.lower() if "@" in text else "".join(_DIGIT.findall(text))


def _is_phone(digits: str) -> bool:
    """Whether ten digits, or eleven after a 1, are a North American number that could be dialled."""
    local = digits.removeprefix("1") if len(digits) == 11 else digits
    return len(local) == 10 and local[0] not in "01" and local[3] not in "01" and not _fictitious(digits)


def _fictitious(digits: str) -> bool:
    local = digits.removeprefix("1") if len(digits) == 11 else digits
    return local[-7:-2] == "55501" or _TOLL_FREE.fullmatch(local) is not None


def _issued(digits: str) -> bool:
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def _luhn(digits: str) -> bool:
    if len(digits) > 19 or len(set(digits)) < 3:
        return False
    doubled = [int(d) * 2 - 9 * (int(d) > 4) for d in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _own(instance: Mapping[str, Any]) -> frozenset[str]:
    """The digits, and the mail, of every value of the instance: they are drawn from synthetic pools."""
    return frozenset(_plain(v) for v in _texts(instance) if "@" in v or len(v) >= _MANY)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for v in value.values():
            yield from _texts(v)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from _texts(v)
