"""Two models on the same problems: the paired difference in accuracy."""

from typing import Any

import numpy as np

from antiscale.core.errors import InputError
from antiscale.rollouts.averages import bounded_mean
from antiscale.rollouts.config import DiagnoseConfig
from antiscale.rollouts.samples import Rollouts


def compare(rollouts: Rollouts, other: Rollouts, config: DiagnoseConfig) -> dict[str, Any]:
    """Compare two models problem by problem: accuracy of `model` minus that of `against`.

    The interval is `bounded_mean` of the differences in [-1, 1]; with one sample of each per
    problem it depends on the discordant problems alone, as McNemar's test does.

    Returns
    -------
    model, against
        Their names.
    problems, left_out
        Problems in common, and those that only one of them has.
    accuracy, accuracy_against
        Mean over the common problems.
    difference, low, high
        Mean of the paired differences, and its interval for problems drawn like these.
    only_model, only_against, both, neither
        Problems solved at least once by one, by both, by neither.

    Raises
    ------
    InputError
        If they have no problem in common.
    """
    model, against = config.model, config.against
    shared, left, right = np.intersect1d(rollouts.problems, other.problems, return_indices=True)
    if len(shared) == 0:
        raise InputError(f"{model} and {against} have no problem in common; nothing to compare")
    ours, theirs = rollouts.accuracy[left], other.accuracy[right]
    found = bounded_mean(ours - theirs, config.level, low=-1.0, high=1.0)
    solved, solved_too = ours > 0, theirs > 0
    return {
        "model": model, "against": against, "problems": len(shared),
        "left_out": len(rollouts.problems) + len(other.problems) - 2 * len(shared),
        "accuracy": float(ours.mean()), "accuracy_against": float(theirs.mean()),
        "difference": found.value, "low": found.low, "high": found.high,
        "only_model": int((solved & ~solved_too).sum()),
        "only_against": int((solved_too & ~solved).sum()),
        "both": int((solved & solved_too).sum()), "neither": int((~solved & ~solved_too).sum()),
    }  # fmt: skip
