"""The sexes and ages that a bank has: the pitch each has, and the formant shifts that lead there from a base speaker.

Pitch, as median F0 of read speech:
- adults: 85 to 155 Hz for men, 165 to 255 Hz for women (Fitch and Holbrook 1970, as Baken and Orlikoff 2000, p. 177, quote them;
  Traunmüller and Eriksson 1995 have 120 and 210 Hz as typical means).
- elderly: women's F0 falls, into the eighties; men's rises slightly from about 70 on (Nishio and Niimi 2008, 374 speakers;
  Stathopoulos, Huber and Sussman 2011, ages 4 to 93; Hollien and Shipp 1972 had 146 Hz for men of 80 to 89). The ranges' ends are ours.
- children of 6 to 10: 262 Hz for boys and 281 Hz for girls on average (Sorenson 1989); the range around them is ours.

Formants, as a factor on the base's: women's lie 1.12 to 1.22 times over men's, children's 1.10 to 1.22 times over women's, by vowel
(Peterson and Barney 1952, F1 and F2 of /i a u/); within a sex, a tenth either way is our choice. With age they change little (Eichhorn
et al. 2018). A child is made from a woman's clip alone: from a man's the shift would be 1.3 and more, where the transform rings.

An elderly voice is also slower, by up to a fifth, and less lively; by how much is our choice, since studies differ.
"""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a voice of one sex and age may be asked to be. `formant_ratio` is by the sex of the clip that is transformed."""

    sex: str
    age: str
    f0_hz: Range
    formant_ratio: dict[str, Range]
    pitch_range_ratio: Range
    duration_ratio: Range


_FROM_MALE: dict[str, dict[str, Range]] = {
    "male": {"male": (0.88, 1.10), "female": (0.82, 0.90)},
    "female": {"female": (0.90, 1.10), "male": (1.12, 1.22)},
}
_LIVELY, _PLAIN = (0.75, 1.35), (0.94, 1.10)

PROFILES = (
    Profile("female", "adult", (165.0, 255.0), _FROM_MALE["female"], _LIVELY, _PLAIN),
    Profile("male", "adult", (85.0, 155.0), _FROM_MALE["male"], _LIVELY, _PLAIN),
    Profile("female", "elderly", (145.0, 215.0), _FROM_MALE["female"], (0.70, 1.15), (1.02, 1.20)),
    Profile("male", "elderly", (95.0, 170.0), _FROM_MALE["male"], (0.70, 1.15), (1.02, 1.20)),
    Profile("female", "child", (225.0, 330.0), {"female": (1.10, 1.22)}, (0.85, 1.30), (1.00, 1.12)),
)
MAX_F0_FACTOR = 1.7
"""How far, up or down, the pitch of a clip may be moved: beyond that periods are repeated or dropped by the half, which is heard."""


def weights(child_share: float, elderly_share: float) -> list[float]:
    """The share of each of PROFILES: the sexes alike, adults what the others leave."""
    adult = max(0.0, 1.0 - child_share - elderly_share)
    share = {"adult": adult / 2, "elderly": elderly_share / 2, "child": child_share}
    total = adult + elderly_share + child_share
    return [share[p.age] / total for p in PROFILES]
