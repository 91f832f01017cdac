"""The names by which language models call the tags and vocal sounds, and what they write that is neither."""

import re

from datagen.records.enums import Tag, Vocal

_TAGS = {
    Tag.NEUTRAL: "neutrally calm calmly plain plainly matter-of-fact",
    Tag.WARM: "warmly friendly kindly kind",
    Tag.HESITANT: "hesitantly hesitating unsure uncertain",
    Tag.ANXIOUS: "anxiously nervous nervously worried",
    Tag.ANGRY: "angrily mad furious annoyed irritated frustrated",
    Tag.APOLOGETIC: "apologetically apologizing sorry",
    Tag.FIRM: "firmly",
    Tag.CHEERFUL: "cheerfully happy happily bright brightly",
    Tag.SAD: "sadly",
    Tag.TIRED: "tiredly wearily weary",
    Tag.EXCITED: "excitedly",
    Tag.SURPRISED: "surprise surprisingly",
    Tag.REASSURING: "reassuringly soothing soothingly",
    Tag.SLOWLY: "slow slower",
    Tag.QUICKLY: "quick fast faster hurried hurriedly",
    Tag.QUIETLY: "quiet softly whispering whispers whisper",
}
_VOCALS = {
    Vocal.LAUGH: ("laughs", "laughing", "laughter", "giggle", "giggles"),
    Vocal.CHUCKLE: ("chuckles", "chuckling"),
    Vocal.SIGH: ("sighs", "sighing"),
    Vocal.GASP: ("gasps", "gasping"),
    Vocal.COUGH: ("coughs", "coughing"),
    Vocal.CLEAR_THROAT: ("clears throat", "clears his throat", "clears her throat", "clearing throat", "throat clearing"),
    Vocal.SNIFF: ("sniffs", "sniffing", "sniffle", "sniffles"),
    Vocal.GROAN: ("groans", "groaning"),
    Vocal.SHUSH: ("shushes", "shushing"),
}  # fmt: skip
PAUSES = frozenset(("pause", "pauses", "short pause", "brief pause", "long pause", "silence", "beat"))
"""What is written in brackets for a speaker who says nothing for a moment."""

_TAG_OF = {str(t): t for t in Tag} | {name: t for t, names in _TAGS.items() for name in names.split()}
_VOCAL_OF = {str(v): v for v in Vocal} | {name: v for v, names in _VOCALS.items() for name in names}
_MANNER = re.compile(r"^(?:in an? )?(.*?)(?: (?:tone|voice|tone of voice))?$")
_LEAK = re.compile(
    r"[A-Z][A-Z_ ]*[A-Z]|.*\b(?:name|number|date|time|amount|company|address|insert|your)\b.*|/?\s*think\w*|\|.*\||.*_.*",
    re.DOTALL,
)


def tag_of(name: str) -> Tag | None:
    """The tag of a name such as `anxious`, `anxiously` or `anxious tone`; None for one that there is not."""
    found = _MANNER.match(_plain(name))
    return _TAG_OF.get(found[1] if found else "")


def vocal_of(name: str) -> Vocal | None:
    """The sound of a name such as `laughs` or `clears throat`; None for one that there is not."""
    return _VOCAL_OF.get(_plain(name).removeprefix("softly ").removesuffix(" softly").removesuffix(" nervously"))


def is_pause(name: str) -> bool:
    """Whether a name in brackets asks for silence."""
    return _plain(name) in PAUSES


def looks_left_over(name: str) -> bool:
    """Whether a name in brackets is a slot that nobody filled, or a trace of reasoning: a leak that a gate names, not a tag."""
    return _LEAK.fullmatch(name) is not None


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())
