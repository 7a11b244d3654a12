"""Reward classes by writing every member down."""

from __future__ import annotations

import itertools

import numpy as np

import antiscale as ac


def small_model(spread: float = 1.0, prompts: int = 2) -> ac.TraceModel:
    """Three styles of two lengths; returns are 24, 8 of H = 32."""
    return ac.load_family(
        "heterogeneous", horizon=32, prompts=prompts, styles=3, lengths=2, spread=spread
    )


def members_of(name: str, model: ac.TraceModel, x: int) -> np.ndarray:
    """All rewards of the class at prompt x, [K, S], on the support; 0 elsewhere."""
    support = model.pmf[x] > 0
    r = np.where(support, model.returns[x], 0)
    mirror = np.where(support, model.horizon - r, 0)
    if name == "mirror":
        return np.unique([r, mirror], axis=0)
    f = np.where(support, model.horizon - model.lengths[x] + 1, 0)
    names = np.unique(model.styles[x][support])
    found = []
    for v in itertools.product([0, 1], repeat=len(names)):
        valid = dict(zip(names, v, strict=True))
        direct = np.array(
            [f[j] * valid.get(s, 0) for j, s in enumerate(model.styles[x])], dtype=float
        )
        found += [direct, np.where(support, model.horizon - direct, 0)]
    return np.unique(found, axis=0)


def version_space(members: np.ndarray, truth: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The members that agree with the truth on what was seen."""
    return members[(members[:, seen] == truth[seen]).all(-1)]
