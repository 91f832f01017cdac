"""Lines of the qa and casual files: `It's <really|quite> big, {{ place }}.` compiled once, at load, and said many times.

The syntax is that of the service domains' phrasings without Jinja's logic: `<a|b|>` a choice (it does not nest), `{{ name }}`
a slot. Two thousand of these compile in a few milliseconds, which as Jinja templates would take seconds.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from datagen.config_faults import describe
from datagen.domains.files import read_toml
from datagen.domains.phrasing import Dice, tidy
from datagen.errors import UserError

_TOKEN = re.compile(r"<([^<>]*)>|\{\{ *([a-z][a-z_]*) *\}\}")
_STRAY = re.compile(r"[<>{}]")
_SMALL = frozenset(
    """
    a about acoustic act add after ah aim air all almost always am among an and any anything apart apples aqua
    are around art as at bacteria baking banana basically basil be beans beautiful because bees before besides
    best better big bigger birds black blankets blood blue boiling bones books boots boredom both bread break
    breaking breathe brown build but butter buttered buying by calling can candles candy capsaicin card cards
    cats centuries change chaos check checking cinnamon city clap clean cleaning close clouds coffee cold collar
    complaining confidence cook cooking cool could count countless cozy crooked crosswords cut cutting dab dear
    debit deep density describe did digging dirty divide dividing do does dogs doing don't draw dreaming driving
    drop dumplings during each easy eating eggs eight eighty-eight empty endings enjoy enough even every
    everybody everyone everything exactly fair fall far feet fiber fifty find first fish five fixed flour
    flowers folding food for four fresh fried friends from full funny fusion games garlic germs getting
    gingerbread give glue go going goldfish good gravity gray ha half hang hardly has have he health heat heated
    heavier heavy her here hi hide his history hold holes homemade honestly hot how how's hum ice icy if imagine
    in income infinity inflation instead insure interest ironing is it it's its juggling just keep keys kind
    kitchens kneading knees knocking label last lay learn learning leaves leaving left-handed leftovers length
    let let's letters life light lightning like line listen live long look looking lots loud magic mainly make
    many marbles markets marshmallows math maybe measured medicine milk millions mine mix more morning
    mosquitoes most mostly mountains move movie much mud muscles museum music my near nearly neither nerds never
    new no nobody nodding none not nothing now nowhere oatmeal ocean of often oh oil old older on once one
    online only open opinions or ouch our out over painters pancakes paper par parts pasta pause pay people
    perfect phones pi piano pick picture pie plant plants plates play podcasts pool poor potatoes pottery
    practice probably programs put puzzles quick quiet quite quizzes racecar radio railways rain rainy reading
    rehearse rent repeat resting rice ride right rinse roasted rock roll roses roughly rubbing sadly safety
    sailing salty same sandwiches satellites saying screen searing secondhand see seeing setting seven shade
    share she short should silence silent simple sit sitting slaves slow slowly small smaller smallpox smart
    smell smells snails so soak soap soccer socks soda soft some somebody something sometimes somewhere soul
    sound sounds soup speak speaking spiders spring squeeze stand staring start starting station stay stick
    stirring store-bought straight strawberries streaks strictly strong summer sunlight sunscreen sure
    surprisingly swap sweeping sweet take taste taxes tea ten tennis tent terrible test thank that that's the
    their then there there's they they'd they'll they're they've think thirteen this those three thunder tiny to
    too training trampoline trees true try turn twelve two typical ugly ultraviolet under until up use usually
    vacuuming vegetables very visitors waiting waking walk walking walls warm was wash watch water way we we'd
    we're we've wedding were wet what what's whatever when when's whenever where where's wherever which white
    who who's whose why will win window wipe with without won't words worth would write yeast yellow yes yoga
    you you'd you're young your
    """.split()  # noqa: SIM905 - a list of words reads better as a paragraph
)
"""First words that lose their capital when something comes before them in the same sentence; any other may be a name."""


class Table(BaseModel):
    """The base of every table in these files: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=Table)


def read_table(model: type[T], path: Path, label: str) -> T:
    """The file as a `model`; a UserError names the file and the key where it does not fit."""
    values = read_toml(path, label)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{label}: {describe(error, model, '')}") from None


@dataclass(frozen=True, slots=True)
class Slot:
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A compiled line: plain text, choices (tuples) and slots, in order."""

    source: str
    parts: tuple[str | tuple[str, ...] | Slot, ...]

    def draw(self, dice: Dice, slots: Mapping[str, str] | None = None) -> str:
        """One way to say it as it stands inside a sentence, spaces and capitals not yet put right."""
        out = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
            elif isinstance(part, tuple):
                out.append(part[dice.index(len(part))])
            else:
                out.append((slots or {})[part.name])
        return "".join(out)

    def say(self, dice: Dice, slots: Mapping[str, str] | None = None) -> str:
        """One way to say it, with single spaces and capitals at the starts of sentences."""
        return tidy(self.draw(dice, slots))

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parts if isinstance(p, Slot))

    def forms(self, limit: int = 512) -> list[str]:
        """The ways to say it, slots left as `{{ name }}`, up to `limit`."""
        sides = [
            (f"{{{{ {p.name} }}}}",) if isinstance(p, Slot) else (p,) if isinstance(p, str) else p for p in self.parts
        ]
        return [tidy("".join(c)) for c in itertools.islice(itertools.product(*sides), limit)]

    @property
    def n_forms(self) -> int:
        count = 1
        for part in self.parts:
            count *= len(part) if isinstance(part, tuple) else 1
        return count


Lines = tuple[Line, ...]


def compile_line(source: str) -> Line:
    """The line, or a ValueError that says which bracket has no partner."""
    parts: list[str | tuple[str, ...] | Slot] = []
    end = 0
    for match in _TOKEN.finditer(source):
        parts.append(source[end : match.start()])
        end = match.end()
        parts.append(Slot(match[2]) if match[2] else tuple(match[1].split("|")))
    parts.append(source[end:])
    if any(isinstance(p, str) and _STRAY.search(p) for p in parts):
        raise ValueError(f"a bracket without its partner, or brackets in brackets, in {source!r}.")
    return Line(source, tuple(p for p in parts if p != ""))


def compile_all(sources: Iterable[str]) -> Lines:
    return tuple(compile_line(s) for s in sources)


def check_lines(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts as they are (a pydantic validator), or a ValueError that names the one whose brackets do not pair."""
    compile_all(texts)
    return texts


def lead_in(lead: str, text: str) -> str:
    """`text` after `lead`, in a sentence of its own or the same one, where its first word loses its capital. A word that may
    be a name keeps it, and goes without the lead's `so` or `well`."""
    if not lead or not text:
        return lead or text
    if lead[-1] in ".?!":
        return f"{lead} {text}"
    first = text.split(" ", 1)[0].rstrip(",.?!")
    if first == "I" or first.startswith("I'"):
        return f"{lead} {text}"
    if first.lower() in _SMALL:
        return f"{lead} {text[:1].lower() + text[1:]}"
    # What stands before the last sentence of the lead ("Oh, I see. And") is kept.
    kept = max(lead.rfind(c) for c in ".?!") + 1
    return f"{lead[:kept]} {text}".strip()
