"""What was given so far in a dialogue: the source that a stated value has to be found in."""

import re

from datagen.text.forms import Value, ValueType
from datagen.text.lexicon import OPENERS
from datagen.text.values import values_of

_WORD = re.compile(r"[a-z]+")
_JOINERS = frozenset(("of", "de", "la", "del", "van", "von", "s", "the", "and"))
_CODES = (ValueType.CODE, ValueType.PHONE, ValueType.NUMBER, ValueType.TIME)


class Source:
    """What was given so far: the keys of its values, its words, and its codes in one string."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._words: set[str] = set()
        self._codes = " "

    def add(self, text: str) -> None:
        for value in values_of(text):
            self._keys.update(value.gives)
            if value.type in _CODES and len(value.canonical) > 2:
                self._codes += value.canonical + " "
        self._words.update(_WORD.findall(text.lower()))

    def holds(self, value: Value) -> bool:
        """Whether `value` was given, in any form, or states nothing."""
        if value.idiom:
            return True
        if value.type is ValueType.NAME:
            return all(self.has_word(w) for w in _WORD.findall(value.canonical.lower()))
        if any(key in self._keys for key in value.needs):
            return True
        if value.parts and all(any(key in self._keys for key in part) for part in value.parts):
            return True
        if value.type in (ValueType.CODE, ValueType.PHONE):
            text = value.canonical
            return (len(text) > 2 and text in self._codes) or (text.isalpha() and self.has_word(text.lower()))
        return False

    def has_word(self, word: str) -> bool:
        """Whether a word in small letters was given, or says nothing by itself."""
        return (
            word in self._words or word in _JOINERS or word in OPENERS or (word[-1] == "s" and word[:-1] in self._words)
        )
