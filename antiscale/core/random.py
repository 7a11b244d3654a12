"""Streams of randomness, each keyed by what it is for."""

from typing import Literal, get_args

import numpy as np

# Which stream of randomness a draw belongs to.
Side = Literal["expert", "base", "prior", "members", "bootstrap", "flips"]


# Their numbers, in this order for good.
SIDES: dict[Side, int] = {side: number for number, side in enumerate(get_args(Side))}


def stream(seed: int, side: Side, *key: int) -> np.random.Generator:
    """Return the generator that depends on (seed, side, key) alone.

    Philox is counter based: replicate 17 can be rerun without the sixteen before it.
    """
    return np.random.Generator(
        np.random.Philox(np.random.SeedSequence(seed, spawn_key=(SIDES[side], *key)))
    )
