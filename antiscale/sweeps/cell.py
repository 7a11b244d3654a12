"""One cell of a sweep: at one (H, n), let learners learn, and set their losses against bounds."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from antiscale import bounds
from antiscale.core import intervals
from antiscale.core.random import stream
from antiscale.core.validate import Floats
from antiscale.data import draw_counts, draw_flips
from antiscale.learners import Bound, Learner, Setting
from antiscale.learners.loglinear import trace_features
from antiscale.models.measures import heterogeneity
from antiscale.models.traces import TraceModel
from antiscale.rewards import Votes
from antiscale.rewards.evaluation import StatedRewards
from antiscale.risks.exact import ASKED, CHEAP, exact_risk
from antiscale.risks.simulated import Losses, cloning_losses, verification_losses
from antiscale.search.laws.passes import pass_at_n
from antiscale.sweeps.case import Case
from antiscale.sweeps.config import ROUNDING
from antiscale.sweeps.plan import Planned
from antiscale.sweeps.rows import columns_of, of_side

# Resamples behind the interval of sup_r E.
_RESAMPLES = 500


@dataclass(frozen=True)
class Arm:
    """What one learner did at one (H, n).

    Attributes
    ----------
    columns
        Its risks with intervals and its bounds, under the names of `rows.ARM_COLUMNS`.
    replicates
        Per replicate: the headline loss, sup over the stated rewards, in tokens.
    """

    columns: dict[str, Any]
    replicates: Floats


@dataclass(frozen=True)
class Cell:
    """What was found at one (H, n).

    Attributes
    ----------
    row
        One value per column: measures, bounds, risks with intervals, gaps. None where undefined;
        then the column of the same name with `_reason` says why. `vf_loss` and `vb_loss` are the
        risks to show, with their ends `_low` and `_high`: exact where `vf_method` says "exact",
        else the mean over replicates (`vf_mean`), which otherwise checks it.
    replicates
        Per replicate: the headline loss of each side, sup over the stated rewards, in tokens.
    """

    row: dict[str, Any]
    replicates: dict[str, Floats]


def simulate(planned: Planned, horizon: int, n: int, noise: float = 0.0) -> Cell:
    """Run one cell: draw data, let both learners learn, and set their losses against the bounds.

    Parameters
    ----------
    planned
        The sweep's plan, or its configuration.
    horizon, n, noise
        H in tokens, the number of traces for each side, and the probability of a reversed label.
    """
    row, arms = measure(Case.of(planned, horizon, n, noise))
    for side, arm in arms.items():
        row |= {of_side(side, name): value for name, value in arm.columns.items()}
    return Cell(row | _gap_columns(row), {side: arm.replicates for side, arm in arms.items()})


def measure(case: Case) -> tuple[dict[str, Any], dict[str, Arm]]:
    """Draw data, let every learner of the plan learn from them, and set its loss against bounds.

    Learners of one side see the same traces.

    Returns
    -------
    What is known of the place whoever learns there, and each learner's arm, by its key in
    `Plan.learners`.
    """
    plan, config, model, rewards = case.plan, case.config, case.model, case.rewards
    sides = {learner.side for learner in case.learners.values()}
    draw: dict[str, Any] = {
        "seed": config.seed, "horizon": case.horizon, "replicates": range(config.repeats)
    }  # fmt: skip
    features = bool(plan.tied) or plan.needs("features")
    setting = Setting(
        jax.device_put(model.pmf),
        jax.device_put(model.prompt_mass),
        float(case.horizon),
        config.kappa,
        rewards,
        pair=jax.device_put(np.where(model.pmf > 0, model.returns, 0.0)),
        prior=case.lower.grid_prior() if plan.needs("prior") else None,
        features=jnp.asarray(trace_features(model)) if features else None,
    )
    experts, labels = case.experts, case.stated.returns
    if "vf" in sides:
        policies = experts if len(experts) > 1 else experts[0]
        cloned = draw_counts(policies, model.prompt_mass, case.n, side="expert", **draw)
    if "vb" in sides:
        labelled = draw_counts(model.pmf, model.prompt_mass, case.n, side="base", **draw)
        votes = None
        if case.noise > 0:
            flipped = draw_flips(labelled, case.noise, case.n, **draw)
            votes = Votes(
                jnp.asarray(labelled), jnp.asarray(flipped), case.noise, case.tolerance
            )  # fmt: skip
    arms = {}
    for key, learner in case.learners.items():
        if learner.side == "vf":
            losses = cloning_losses(learner, setting, cloned, experts, labels)
        else:
            losses = verification_losses(learner, setting, labelled, labels, votes)
        arms[key] = _arm(case, learner, setting, losses)
    return _place_columns(case), arms


def _place_columns(case: Case) -> dict[str, Any]:
    """What is known of the place whoever learns there."""
    model, stated = case.model, case.stated
    spread = np.asarray(heterogeneity(model.pmf, model.returns))
    columns = {
        "horizon": case.horizon,
        "n": case.n,
        "noise": case.noise,
        "sigma": float(np.median(spread)),
        "sigma_mean": float(model.prompt_mass @ spread),
        "sigma_rms": float(np.sqrt(model.prompt_mass @ spread**2)),
        "sigma_max": float(model.prompt_mass @ case.widest.value),
        "c0": case.c0,
        "c0_stated": case.c0_stated,
        "ct0": case.worst["coverage"],
        "max_ratio": case.worst["max_ratio"],
        "base_return": float(model.prompt_mass @ (model.pmf * model.returns).sum(-1)),
        "optimal_return": float(model.prompt_mass @ np.asarray(case.optima.value)[0]),
        "log_class_size": float(case.rewards.log_sizes().sum()),
        "rewards_stated": int(np.min(stated.counts)),
        "rewards_stated_max": int(np.max(stated.counts)),
        "rewards_whole_class": stated.all_of_class,
    }
    if case.config.pass_at:
        best = model.pmf * np.asarray(case.optima.density_ratio[0])
        for whose, policy in (("base", model.pmf), ("best", best)):
            solved = np.minimum((policy * _right(model)).sum(-1), 1.0)
            for k in case.config.pass_at:
                passed = model.prompt_mass @ pass_at_n(solved, k)
                columns[f"pass_at_{k}_{whose}"] = float(passed)
    return columns


def _right(model: TraceModel) -> Any:
    """Which types are right within H, [m, S]."""
    return (model.returns > 0) & (model.pmf > 0)


def _arm(case: Case, learner: Learner, setting: Setting, losses: Losses) -> Arm:
    """One learner's losses at the place, between their bounds."""
    model, stated, horizon = case.model, case.stated, float(case.horizon)
    # A sup over a reward and its mirror is not negative, nor is the regret of a policy of the ball.
    bounded = stated.with_mirror if learner.side == "vf" else learner.confined
    least = 0.0 if bounded else -horizon
    columns: dict[str, Any] = {"learner": learner.name}
    columns |= _risk_columns(learner, losses, case, least)
    found: dict[str, Bound | intervals.Estimate] = {"upper": learner.upper(case, "stated")}
    if learner.side == "vf":
        columns["lower_holds_for"] = "hard prior" if case.drawn else "worst expert"
        found |= {
            "lower_local": case.lower.local,
            "lower": case.lower.over_stated,
            "class_lower": case.lower.over_class,
            "class": intervals.mean(
                np.asarray(losses.whole_class) @ model.prompt_mass,
                least=0.0 if case.rewards.mirror_closed else -horizon, most=horizon,
            ),
            "class_upper": learner.upper(case, "class"),
        }  # fmt: skip
    else:
        error = learner.verifier_error(case)
        columns |= {"verifier_error": error.value, "verifier_error_name": error.name}
    for name, item in found.items():
        columns |= columns_of(name, item)
    work = ASKED if case.config.exact else CHEAP
    value, reason = exact_risk(learner, setting, case, work=work)
    columns |= {"exact_loss": value, "exact_reason": reason}
    columns |= _shown(columns, horizon) | {"may_be_negative": least < 0}
    columns |= _pass_columns(case, learner, losses)
    return Arm(columns, _sup_inside(losses, stated, model))


def _shown(columns: dict[str, Any], horizon: float) -> dict[str, Any]:
    """The risk to show: exact where there is one, else the mean over replicates.

    `coarse` marks a mean whose interval is wider than the mean itself: too few replicates show
    any loss to say how much it is.
    """
    exact = columns["exact_loss"]
    value, low, high = (columns[name] for name in ("mean", "low", "high"))
    if exact is not None:
        value = low = high = exact
    return {
        "loss": value,
        "loss_low": low,
        "loss_high": high,
        "method": "exact" if exact is not None else "simulated",
        "coarse": bool(high - low > abs(value) and high - low > ROUNDING * horizon),
    }


def _sup_inside(losses: Losses, stated: StatedRewards, model: TraceModel) -> Floats:
    """sum_x rho(x) max over the stated rewards, per replicate [R]: its mean is E sup_r."""
    return _sup(np.asarray(losses.by_reward), stated, model)


def _sup(by_reward: Floats, stated: StatedRewards, model: TraceModel) -> Floats:
    """Sup of sum_x rho(x) loss_x over the stated rewards, joint or chosen at each prompt."""
    eligible = stated.eligible.T
    result: Floats
    if stated.is_joint:
        total = np.einsum("...mk,m->...k", by_reward, model.prompt_mass)
        result = np.where(eligible.all(0), total, -np.inf).max(-1)
    else:
        result = np.where(eligible, by_reward, -np.inf).max(-1) @ model.prompt_mass
    return result


def means_of(drawn: npt.NDArray[np.integer[Any]], values: Floats) -> Floats:
    """Means of resamples, to the same bit however many threads compute them.

    Values are rounded to multiples of a power of two, about 1e-16 of the largest sum, so that every
    partial sum is exact and the order of adding does not matter.

    Parameters
    ----------
    drawn
        How often each resample has each replicate: (resamples, replicates).
    values
        (replicates, ...).
    """
    repeats = len(values)
    _, exponent = np.frexp(repeats * np.abs(values).max())
    unit = np.ldexp(1.0, int(exponent) - 53)
    sums: Floats = np.tensordot(drawn.astype(float), np.rint(values / unit), 1)
    return sums * (unit / repeats)


def _risk_columns(learner: Learner, losses: Losses, case: Case, least: float) -> dict[str, Any]:
    """Return the headline risk E sup_r, and beside it sup_r E and the law of the loss at r."""
    config, stated, model = case.config, case.stated, case.model
    by_reward = np.asarray(losses.by_reward)
    place = case.horizon, case.n, 0 if learner.side == "vf" else 1
    rng = stream(config.seed, "bootstrap", *place)
    repeats = len(by_reward)
    drawn = rng.multinomial(repeats, np.full(repeats, 1 / repeats), size=_RESAMPLES)
    resampled = means_of(drawn, by_reward)
    at_truth = by_reward[..., 0] @ model.prompt_mass
    most = float(case.horizon)
    sups = intervals.bootstrap(
        _sup(resampled, stated, model), float(_sup(by_reward.mean(0), stated, model))
    )
    named = {
        "": intervals.mean(_sup_inside(losses, stated, model), least=least, most=most),
        "sup": sups,
        "signed": intervals.mean(at_truth, least=-most, most=most),
        "positive": intervals.mean(np.maximum(at_truth, 0.0), least=0.0, most=most),
        "quantile": intervals.quantile(at_truth, config.quantile, least=-most, most=most),
    }
    columns: dict[str, Any] = {}
    for name, estimate in named.items():
        columns |= columns_of(name, estimate)
    return columns


def _pass_columns(case: Case, learner: Learner, losses: Losses) -> dict[str, Any]:
    """pass@k at the true reward after learning, and where it crosses the base policy's (T13a)."""
    model, tries = case.model, case.config.pass_at
    if not tries:
        return {}
    right = np.asarray(losses.right)
    after = np.clip(right[..., 0], 0.0, 1.0)
    columns: dict[str, Any] = {}
    for k in tries:
        each = pass_at_n(after, k) @ model.prompt_mass
        found = columns_of(f"pass_at_{k}", intervals.mean(each, least=0.0, most=1.0))
        columns |= {key: value for key, value in found.items() if not key.endswith("_error")}
    before = np.minimum((model.pmf * _right(model)).sum(-1), 1.0)
    at = bounds.pass_at_k_crossing(before, after, prompt_mass=model.prompt_mass)
    there = bool(np.isfinite(at))
    columns["pass_crossing"] = at if there else None
    columns["pass_crossing_cause"] = _cause(case, learner, right) if there else None
    return columns


def _cause(case: Case, learner: Learner, right: Floats) -> str:
    """What lost right mass, at the prompts and in the replicates where it fell."""
    if learner.tied:
        return "one parameter serves all prompts"
    if learner.side == "vb" and case.noise > 0:
        return "labels are noisy"
    before = (case.model.pmf * (case.model.returns > 0)).sum(-1)
    fell = right[..., 0] < before * (1.0 - ROUNDING)
    unseen, seen = np.einsum("rm,rmi,m->i", fell, right[..., 1:], case.model.prompt_mass)
    if unseen >= seen:
        return "right traces not seen lost mass"
    # A verifier may also lose it to wrong traces that it takes for better (plugin).
    how = "seen too rarely lost mass" if learner.side == "vf" else "lost mass though seen"
    return f"right traces {how}"


def _gap_columns(row: dict[str, Any]) -> dict[str, Any]:
    """VF minus VB: as shown, with an interval (the sides are independent), and certified (T9)."""
    value = row["vf_loss"] - row["vb_loss"]
    # How far either side may be below and above what is shown.
    (vf_below, vf_above), (vb_below, vb_above) = (
        (
            row[f"{side}_loss"] - row[f"{side}_loss_low"],
            row[f"{side}_loss_high"] - row[f"{side}_loss"],
        )
        for side in ("vf", "vb")
    )
    vf_error, vb_error = (
        0.0 if row[f"{side}_method"] == "exact" else row[f"{side}_error"] for side in ("vf", "vb")
    )
    lower, upper = row["vf_lower"], row["vb_upper"]
    certified = None
    if lower is not None and upper is not None:
        certified = float(bounds.certified_gap(lower, upper))
    why = row["vf_lower_reason"] or row["vb_upper_reason"]
    return {
        "gap_measured": value,
        "gap_low": value - float(np.hypot(vf_below, vb_above)),
        "gap_high": value + float(np.hypot(vf_above, vb_below)),
        "gap_error": float(np.hypot(vf_error, vb_error)),
        "gap_certified": certified,
        "gap_certified_reason": why if certified is None else None,
    }
