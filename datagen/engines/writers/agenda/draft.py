"""A dialogue being written: turns made of segments, and where a turn is cut."""

from dataclasses import dataclass, field

from datagen.domains.phrasing import capital, small
from datagen.records.enums import Speaker, Tag, TurnType

_STARTERS = frozenset(
    w
    for line in (
        "what what's how how's can could do does did is are will would when when's where where's why which who",
        "any and so but if it's the my your you we that's there there's should at in on have has",
        "shall may shouldn't don't am that this a an for to it let's for was were also",
    )
    for w in line.split()
)
"""Words that lose their capital when a lead ("Okay, and") comes before them."""

_RANK = (
    TurnType.AFTER_LOOKUP,
    TurnType.GREETING,
    TurnType.CLOSING,
    TurnType.OBJECTION,
    TurnType.QUESTION,
    TurnType.CONFIRMATION,
    TurnType.ANSWER,
    TurnType.STATEMENT,
)
"""Which of its segments gives a turn its type: what the turn is there for comes before acknowledgements."""


@dataclass(slots=True)
class Segment:
    """One act of a turn. `key` names what is known once it was heard (a step); `must` is said again if it was not."""

    text: str
    type: TurnType
    act: str
    tags: tuple[Tag, ...] = ()
    key: str = ""
    must: bool = False


@dataclass(slots=True)
class DraftTurn:
    """A turn in progress. `cut` is the index of the word at which the other cuts in, None where nobody does."""

    speaker: Speaker
    segments: list[Segment] = field(default_factory=list)
    cut: int | None = None

    @property
    def text(self) -> str:
        return join([s.text for s in self.segments])

    @property
    def type(self) -> TurnType:
        return min((s.type for s in self.segments), key=_RANK.index)

    @property
    def act(self) -> str:
        return "+".join(s.act for s in self.segments)

    @property
    def tags(self) -> tuple[Tag, ...]:
        found = dict.fromkeys(t for s in self.segments for t in s.tags)
        return tuple(found)[:2]

    def spans(self) -> list[tuple[int, int]]:
        """The words (start, end) of every segment in the joined text: joining moves no word."""
        spans = []
        start = 0
        for segment in self.segments:
            end = start + len(segment.text.split())
            spans.append((start, end))
            start = end
        return spans


@dataclass(slots=True)
class Draft:
    """Turns in order; a speaker who goes on stays in the same turn, so that the two alternate."""

    turns: list[DraftTurn] = field(default_factory=list)
    n_words: int = 0

    def say(self, speaker: Speaker, segment: Segment) -> None:
        if not self.turns or self.turns[-1].speaker is not speaker:
            self.turns.append(DraftTurn(speaker))
        self.turns[-1].segments.append(segment)
        self.n_words += len(segment.text.split())

    def part(self, speaker: Speaker) -> None:
        """Begins another turn of the speaker who has just spoken."""
        self.turns.append(DraftTurn(speaker))

    def agent_after(self, index: int) -> str:
        """All that the agent says in turns after this one."""
        return " ".join(t.text for t in self.turns[index + 1 :] if t.speaker is Speaker.AGENT)

    @property
    def last(self) -> DraftTurn:
        return self.turns[-1]


def join(texts: list[str]) -> str:
    """Segments as one text: after a lead that ends in a comma the next one loses its capital, or the comma turns into a stop."""
    out = ""
    for text in texts:
        if out.endswith(","):
            if text.split()[0].lower().rstrip(",") in _STARTERS:
                text = small(text)
            elif not text.startswith(("I ", "I'")):
                out = out[:-1] + "."
        out = f"{out} {text}".strip() if out else text
    return capital(out) if out and "@" not in out.split()[0] else out
