"""Numbers that are spread evenly over a build's dialogues, by their index: no small build misses a share by luck."""

from typing import Literal, get_args

Spread = Literal["pair", "agent latency", "user backchannels", "agent backchannels", "failed barge-ins", "side talk"]
"""What is spread so; each has a sequence of its own, and together they fill the cube of all of them evenly."""

_PRIMES = (5, 2, 3, 7, 13, 11)


def spread(index: int, name: Spread) -> float:
    """A number in 0…1 for the dialogue of that index, one of the sequence of that name.

    Kronecker sequences: multiples, modulo 1, of the roots of different primes, which are irrational and have no sum in common
    (Richtmyer). The pair's is that of 5, whose step is the golden ratio's: no sequence is more even.
    """
    at = get_args(Spread).index(name)
    step = (5**0.5 - 1) / 2 if name == "pair" else _PRIMES[at] ** 0.5
    return (0.5 + index * step) % 1.0
