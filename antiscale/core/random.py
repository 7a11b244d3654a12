"""Streams of randomness, each keyed by what it is for."""

from typing import Literal

import numpy as np

# Which stream of randomness a draw belongs to.
Side = Literal["expert", "base", "prior", "members", "bootstrap", "flips"]


SIDES: dict[Side, int] = {
    "expert": 0,
    "base": 1,
    "prior": 2,
    "members": 3,
    "bootstrap": 4,
    "flips": 5,
}


def stream(seed: int, side: Side, *key: int) -> np.random.Generator:
    """Return the generator that depends on (seed, side, key) alone.

    Philox is counter based: replicate 17 can be rerun without the sixteen before it.
    """
    return np.random.Generator(
        np.random.Philox(np.random.SeedSequence(seed, spawn_key=(SIDES[side], *key)))
    )
