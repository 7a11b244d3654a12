"""Two models on the same problems: accuracy, and what one lost to the best of the other's ball."""

from typing import Any

import numpy as np

from antiscale.core.errors import InputError
from antiscale.rollouts.averages import bounded_mean
from antiscale.rollouts.config import DiagnoseConfig
from antiscale.rollouts.estimates import Estimates
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


def outcome(rollouts: Rollouts, other: Rollouts, found: Estimates) -> dict[str, Any]:
    """What the model `against` earns and loses, where it was trained from `model`.

    To be set beside the predictions at this H and the n that it was trained on: they speak of
    policies trained from `model` towards V_kappa, the best of its ball (T2).

    Parameters
    ----------
    found
        Estimates for `model` at one horizon.

    Returns
    -------
    horizon, problems
        H, and the problems in common.
    J, V_kappa, J_against
        Mean return of `model`, the best of its ball (its first kappa), and `against`, in tokens.
    signed_loss, loss
        Means over the problems of V_kappa - J_against and of its absolute value.
    noise
        The `loss` that the sampling of `against` alone would show: its standard error times
        sqrt(2/pi), mean over problems with two samples or more; None where there are none.
    """
    _, left, right = np.intersect1d(rollouts.problems, other.problems, return_indices=True)
    gain, counts = other.returns(found.horizon), other.counts
    mean = other.total(gain) / counts
    square = np.maximum(other.total(gain**2) / counts - mean**2, 0.0)
    many = counts[right] > 1
    error = np.sqrt(square[right][many] / (counts[right][many] - 1.0))
    lost = found.best[0][left] - mean[right]
    return {
        "horizon": found.horizon, "problems": len(left), "J": float(found.mean[left].mean()),
        "V_kappa": float(found.best[0][left].mean()), "J_against": float(mean[right].mean()),
        "signed_loss": float(lost.mean()), "loss": float(np.abs(lost).mean()),
        "noise": float(np.sqrt(2 / np.pi) * error.mean()) if many.any() else None,
    }  # fmt: skip
