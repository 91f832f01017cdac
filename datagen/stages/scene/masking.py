"""How many of the user's words are covered by what else is in the air."""

from collections.abc import Mapping, Sequence

from datagen.records.speech import Audio
from datagen.stages.scene.effects import Span
from datagen.stages.scene.loudness import power


def masked_word_share(stems: Mapping[str, Audio], words: Sequence[Span]) -> float:
    """The share of the words in whose span the other stems' powers come to more than that of "speech"; 0.0 of no words."""
    others = [stem for name, stem in stems.items() if name != "speech"]
    if not others or not words:
        return 0.0
    masked = sum(sum(power(stem, [word]) for stem in others) > power(stems["speech"], [word]) for word in words)
    return masked / len(words)
