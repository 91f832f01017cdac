"""What a model writes inside a turn's text, `<anxious> I think [sigh] it's… gone || and`, as plain text, tags and marks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from datagen.engines.writers.llm import delivery_names
from datagen.records.enums import MarkType, Tag, Vocal
from datagen.records.transcript import Mark

MAX_TAGS = 2
"""Tags of a turn that are kept, the first ones: a voice can be anxious and quick, and hardly a third thing."""

_SPECIAL = re.compile(r"[^ -~]|[<\[{|*()\n\r\t]|\.{2}|--|-$|^[\"']|^[\w ]{1,30}:|  |^ | $")
_CURLY = str.maketrans(
    {"‘": "'", "’": "'", "‛": "'", "′": "'", "“": '"', "”": '"', "„": '"', "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2010": "-",
     "\u2011": "-", "\u200b": None, "\u200c": None, "\u200d": None, "\ufeff": None, "\u00ad": None}
)  # fmt: skip
_BROKEN_OFF = re.compile(r"\s*(?:[—–]+|-{1,3})\s*([\"']?)$")
_RANGE = re.compile(r"(?<=\d)\s*[–—]\s*(?=\d)")
_DASH = re.compile(r"\s*(?:—+|--+)\s*|\s+[–-]\s+")
_DOUBLED = re.compile(r"([,.?!])\s*,(?=\s|$)")
_TOKEN = re.compile(
    r"<([^<>\n]{1,40})>|\[([^\[\]\n]{1,40})\]|\{([^{}\n]{1,30})\}|\*([^*\n]{1,30})\*|\(([^()\n]{1,30})\)|(\s*\|\|\s*)|"
    r"(…|\.{2,})"
)
_STOP = re.compile(r"\s*([,.;:?!]+)(?=\s|$)")
_OPENS_SENTENCE = re.compile(
    r"(?:a|all|and|are|but|can|could|did|do|does|for|great|he|her|hi|hold|how|if|in|is|it|it's|its|just|let|let's|maybe|my|no|not|now|"
    r"oh|okay|on|one|or|our|please|she|should|so|sorry|sure|thanks|thank|that|that's|the|then|there|there's|they|this|wait|we|we'll|"
    r"we're|we've|well|what|when|where|which|who|why|will|would|yeah|yes|you|you're|you've|you'll|your)\b"
)


@dataclass(slots=True)
class Said:
    """A turn's text without markup. `problem` names the first thing in it that nobody knows; `broken` says that it ended in a dash."""

    text: str
    tags: tuple[Tag, ...] = ()
    marks: tuple[Mark, ...] = ()
    problem: str = ""
    broken: bool = False


def read(raw: str, listens: Iterable[str]) -> Said:
    """The text of one turn. `listens` are what the other speaker may say inside it, as `{mhm}`.

    Unambiguous writing becomes spoken form: curly quotes are straightened, dashes between clauses become commas, doubled stars
    go. An unknown tag or sound is the `problem`; an unfilled slot, a direction or a trace of reasoning stays, for the gates.
    """
    if not _SPECIAL.search(raw):
        return Said(raw)
    text = " ".join(raw.translate(_CURLY).replace("**", "").split())
    if len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2:
        text = text[1:-1].strip()
    bare = _BROKEN_OFF.sub(r"\1", text)
    broken = bare != text
    text = _DASH.sub(", ", _RANGE.sub("-", bare))
    text = _DOUBLED.sub(r"\1", text)
    if not _TOKEN.search(text):
        return Said(text.strip(" ,") if broken else text, broken=broken)
    scan = _Scan(frozenset(t.lower() for t in listens))
    scan.run(text)
    return Said(" ".join(scan.words), scan.kept_tags(), scan.kept_marks(), scan.problem, broken)


@dataclass(slots=True)
class _Scan:
    """One pass over a text with markup; words are counted as `text.split()` counts them."""

    listens: frozenset[str]
    words: list[str] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    problem: str = ""
    glued: bool = False
    paused: bool = False

    def run(self, text: str) -> None:
        end = 0
        for token in _TOKEN.finditer(text):
            self._plain(text[end : token.start()])
            self._token(token, text)
            end = token.end()
        self._plain(text[end:])
        if self.paused and self.words and self.words[-1][-1] not in ".?!":
            self.words[-1] = self.words[-1].rstrip(",;:") + "."

    def kept_tags(self) -> tuple[Tag, ...]:
        known = [t for t in dict.fromkeys(self.tags) if t is not Tag.NEUTRAL]
        return tuple(known[:MAX_TAGS])

    def kept_marks(self) -> tuple[Mark, ...]:
        """The marks in order. What stands behind the last word belongs to it; nobody hesitates before the first, or after the last."""
        n = len(self.words)
        kept = []
        for mark in self.marks:
            word = min(mark.word, n - 1)
            if n == 0 or (mark.type is MarkType.PAUSE and not 0 < mark.word < n):
                continue
            kept.append(Mark(mark.type, word, mark.text))
        return tuple(sorted(dict.fromkeys(kept), key=lambda m: (m.word, m.type, m.text)))

    def _plain(self, piece: str) -> None:
        if not piece:
            return
        stop = _STOP.match(piece)
        if stop and self.words:
            if self.words[-1][-1] not in ",.;:?!":
                self.words[-1] += stop[1]
            piece, self.glued = piece[stop.end() :], False
        found = piece.split()
        if not found:
            self.glued = self.glued and not piece
            return
        if self.paused and self.words and self.words[-1][-1] not in ",.;:?!":
            self.words[-1] += "." if found[0][:1].isupper() and _OPENS_SENTENCE.match(found[0].lower()) else ","
        if self.paused:
            self._mark(MarkType.PAUSE)
            self.paused = False
        if self.glued and not piece[0].isspace() and self.words:
            self.words[-1] += found.pop(0)
        self.words += found
        self.glued = not piece[-1].isspace()

    def _mark(self, kind: MarkType, text: str = "", word: int | None = None) -> None:
        self.marks.append(Mark(kind, len(self.words) if word is None else word, text))

    def _token(self, token: re.Match[str], text: str) -> None:
        angle, square, brace, star, round_, cut, _dots = token.groups()
        if cut is not None:
            self._cut(cut, text, token)
        elif angle is not None:
            self._tag(angle, token[0])
        elif square is not None:
            self._sound(square, token[0])
        elif brace is not None:
            self._listener(brace, token[0])
        elif star is not None or round_ is not None:
            self._aside(star or round_ or "", token[0])
        else:
            self.glued, self.paused = False, True

    def _cut(self, cut: str, text: str, token: re.Match[str]) -> None:
        inside = (
            cut == "||"
            and text[token.start() - 1 : token.start()].isalpha()
            and text[token.end() : token.end() + 1].isalpha()
        )
        if inside and self.words:
            self._mark(MarkType.BARGE_IN, word=len(self.words) - 1)
            self.glued = True
            return
        self.glued = False
        self._mark(MarkType.BARGE_IN)

    def _tag(self, name: str, whole: str) -> None:
        tag, vocal = delivery_names.tag_of(name), delivery_names.vocal_of(name)
        if tag is not None:
            self._between()
            self.tags.append(tag)
        elif vocal is not None:
            self._vocal(vocal)
        else:
            self._unknown(name, whole)

    def _sound(self, name: str, whole: str) -> None:
        vocal, tag = delivery_names.vocal_of(name), delivery_names.tag_of(name)
        if vocal is not None:
            self._vocal(vocal)
        elif tag is not None:
            self._between()
            self.tags.append(tag)
        else:
            self._unknown(name, whole)

    def _aside(self, name: str, whole: str) -> None:
        vocal = delivery_names.vocal_of(name)
        if vocal is not None:
            self._vocal(vocal)
        elif delivery_names.is_pause(name):
            self.glued, self.paused = False, True
        else:
            self._plain(whole)

    def _listener(self, name: str, whole: str) -> None:
        if name.strip().lower() in self.listens:
            self._between()
            if self.words:
                self._mark(MarkType.BACKCHANNEL, name.strip(), len(self.words) - 1)
            return
        self._unknown(name, whole)

    def _unknown(self, name: str, whole: str) -> None:
        if delivery_names.is_pause(name):
            self.glued, self.paused = False, True
        elif delivery_names.looks_left_over(name):
            self._plain(whole)
        elif not self.problem:
            self.problem = whole

    def _vocal(self, vocal: Vocal) -> None:
        self._between()
        self._mark(MarkType.VOCAL, str(vocal))

    def _between(self) -> None:
        self.glued = False
