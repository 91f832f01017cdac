"""Packet loss: a network that drops 20 ms packets in bursts, and a receiver that covers the holes."""

from typing import Annotated, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from datagen.config import Options, knob
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.stages.scene.effects import Parameters, Span, Surroundings
from datagen.stages.scene.ranges import Pair, within

PACKET = SAMPLE_RATE_HZ // 50
"""Samples of a packet: 20 ms, as voice over IP sends it (the default of RFC 3551, section 4.2)."""
PERIODS = (SAMPLE_RATE_HZ // 200, SAMPLE_RATE_HZ // 66)
"""The periods of a voice that are looked for, 5 to 15 ms: 200 down to 66 Hz, as in ITU-T G.711 Appendix I."""
FULL = SAMPLE_RATE_HZ // 100
GONE = 6 * SAMPLE_RATE_HZ // 100
"""What stands in for lost speech keeps its level for 10 ms, and is silent after 60 ms (G.711 Appendix I)."""


class PacketLossOptions(Options):
    """Packets lost on a network. Defaults around tau-voice's: 2 % in bursts of 100 ms."""

    share: float = knob(0.1, "share of dialogues over a network that loses packets", "share", ge=0, le=1)
    lost_share: Annotated[Pair, within(0.001, 0.5, "of the packets")] = knob(
        (0.01, 0.03), "share of the 20 ms packets that are lost, lowest and highest", "share"
    )
    burst_s: Annotated[Pair, within(0.02, 2, "s")] = knob(
        (0.06, 0.14), "mean length of a loss, lowest and highest", "s"
    )
    concealment: Literal["repeat", "silence"] = knob(
        "repeat", "what is heard instead: repeat (the last period of the voice, fading) | silence"
    )


class PacketLoss:
    """Holes in the channel, by a Gilbert-Elliott chain whose good state loses nothing and whose bad state everything."""

    name = "packet_loss"

    def draw(self, options: PacketLossOptions, around: Surroundings, rng: np.random.Generator) -> Parameters | None:
        """The chain, its seed and what it lost (a short dialogue may lose nothing), or None."""
        if rng.random() >= options.share:
            return None
        parameters = {
            "lost_share": float(rng.uniform(*options.lost_share)),
            "burst_s": float(rng.uniform(*options.burst_s)),
            "seed": int(rng.integers(2**63)),
            "concealment": options.concealment,
        }
        lost = packets_lost(around.n_samples, parameters)
        return {**parameters, "n_packets": len(lost), "n_lost": int(lost.sum())}

    def apply(self, user: Audio, parameters: Parameters, around: Surroundings) -> Audio:
        """The channel with its lost packets silent or covered; those that arrived are untouched to the bit."""
        heard = user.copy()
        for start, end in bursts(packets_lost(len(user), parameters)):
            a, b = start * PACKET, min(end * PACKET, len(user))
            heard[a:b] = stand_in(heard[:a], b - a) if parameters["concealment"] == "repeat" else 0
        return heard


def packets_lost(n_samples: int, parameters: Parameters) -> NDArray[np.bool_]:
    """Which of the packets that hold `n_samples` are lost, the last, partial one counted."""
    n_packets = -(-n_samples // PACKET)
    return gilbert_elliott(n_packets, parameters["lost_share"], parameters["burst_s"], parameters["seed"])


def gilbert_elliott(n_packets: int, lost_share: float, burst_s: float, seed: int) -> NDArray[np.bool_]:
    """Which packets are lost: a two-state Markov chain in equilibrium, bool [n_packets].

    It leaves the bad state after `burst_s` on average, and enters it just so often that `lost_share` of
    all packets are lost: p / (p + r) for the chances p to enter it and r to leave it a packet (Gilbert 1960).
    """
    rng = np.random.default_rng(seed)
    leave = min(PACKET / SAMPLE_RATE_HZ / burst_s, 1.0)
    enter = leave * lost_share / (1 - lost_share)
    lost = np.zeros(n_packets, bool)
    at, bad = 0, bool(rng.random() < lost_share)
    while at < n_packets:
        stay = int(rng.geometric(leave if bad else enter))
        lost[at : at + stay] = bad
        at, bad = at + stay, not bad
    return lost


def bursts(lost: NDArray[np.bool_]) -> list[Span]:
    """The runs of lost packets in order, each as first packet and the one behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def stand_in(before: Audio, n: int) -> Audio:
    """What a receiver plays for `n` samples that never came: the last period of what it has played, again and again.

    The level holds for 10 ms and has faded by 60 ms; after less sound than one period takes there is silence.
    """
    period = last_period(before)
    if period == 0:
        return np.zeros(n, np.float32)
    heard = min(n, GONE)
    filled = np.zeros(n, np.float32)
    filled[:heard] = np.resize(before[-period:], heard)
    filled[FULL:heard] *= np.linspace(1, 0, GONE - FULL, dtype=np.float32)[: max(heard - FULL, 0)]
    return filled


def last_period(audio: Audio) -> int:
    """The shift, between 5 and 15 ms, at which the last 20 ms are most like what came before; 0 of too little audio."""
    shortest, longest = PERIODS
    if len(audio) < PACKET + longest:
        return 0
    last = audio[-PACKET:]
    earlier = sliding_window_view(audio[-PACKET - longest : -shortest], PACKET)
    # einsum and not a matrix product: BLAS adds in an order of its own, and bytes must not depend on it.
    likeness = np.einsum("ij,j->i", earlier, last)
    energy = np.einsum("ij,ij->i", earlier, earlier)
    return longest - int(np.argmax(likeness / np.sqrt(energy + np.float32(1e-9))))
