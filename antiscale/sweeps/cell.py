"""One cell of a sweep: at one (H, n), measure both sides and set them against their bounds."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from antiscale import bounds
from antiscale.core import intervals
from antiscale.core.random import stream
from antiscale.core.validate import Floats
from antiscale.data import draw_counts, draw_flips
from antiscale.learners import Bound, Setting
from antiscale.learners.loglinear import trace_features
from antiscale.models.measures import heterogeneity
from antiscale.models.traces import TraceModel
from antiscale.rewards import Votes
from antiscale.rewards.evaluation import StatedRewards
from antiscale.risks.exact import ASKED, CHEAP, exact_risks
from antiscale.risks.simulated import Losses, cloning_losses, verification_losses
from antiscale.search.laws.passes import pass_at_n
from antiscale.sweeps.case import Case
from antiscale.sweeps.config import ROUNDING
from antiscale.sweeps.plan import Planned
from antiscale.sweeps.rows import columns_of

# Resamples behind the interval of sup_r E.
_RESAMPLES = 500


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
    case = Case.of(planned, horizon, n, noise)
    plan, config = case.plan, case.config
    model, rewards, stated, learners = case.model, case.rewards, case.stated, case.learners
    experts = case.experts
    draw: dict[str, Any] = {
        "seed": config.seed, "horizon": horizon, "replicates": range(config.repeats)
    }  # fmt: skip
    tied = bool(plan.tied)
    setting = Setting(
        jnp.asarray(model.pmf),
        jnp.asarray(model.prompt_mass),
        float(horizon),
        config.kappa,
        rewards,
        pair=jnp.asarray(np.where(model.pmf > 0, model.returns, 0.0)),
        prior=case.lower.grid_prior() if plan.needs("prior") else None,
        features=jnp.asarray(trace_features(model)) if tied or plan.needs("features") else None,
    )
    expert_counts = draw_counts(
        experts if len(experts) > 1 else experts[0], model.prompt_mass, n, side="expert", **draw
    )
    vf = cloning_losses(learners["vf"], setting, expert_counts, experts, stated.returns)
    base_counts = draw_counts(model.pmf, model.prompt_mass, n, side="base", **draw)
    votes = None
    if noise > 0:
        flipped = draw_flips(base_counts, noise, n, **draw)
        votes = Votes(jnp.asarray(base_counts), jnp.asarray(flipped), noise, case.tolerance)
    vb = verification_losses(learners["vb"], setting, base_counts, stated.returns, votes)

    # A sup over a reward and its mirror is not negative, nor is the regret of a policy of the ball.
    bounded = {"vf": stated.with_mirror, "vb": learners["vb"].confined}
    least = {side: 0.0 if bounded[side] else -float(horizon) for side in bounded}
    vb_upper = learners["vb"].upper(case, "stated")
    error = learners["vb"].verifier_error(case)
    whole_class = np.asarray(vf.whole_class) @ model.prompt_mass
    spread = np.asarray(heterogeneity(model.pmf, model.returns))
    row: dict[str, Any] = {
        "horizon": horizon,
        "n": n,
        "noise": noise,
        "sigma": float(np.median(spread)),
        "sigma_mean": float(model.prompt_mass @ spread),
        "sigma_rms": float(np.sqrt(model.prompt_mass @ spread**2)),
        "sigma_max": float(model.prompt_mass @ case.widest.value),
        "c0": case.c0,
        "c0_stated": case.c0_stated,
        "ct0": case.worst["coverage"],
        "max_ratio": case.worst["max_ratio"],
        "base_return": float(model.prompt_mass @ (model.pmf * model.returns).sum(-1)),
        "optimal_return": float(model.prompt_mass @ np.asarray(case.optima.value[0])),
        "log_class_size": float(rewards.log_sizes().sum()),
        "rewards_stated": int(np.min(stated.counts)),
        "rewards_stated_max": int(np.max(stated.counts)),
        "rewards_whole_class": stated.all_of_class,
        "vf_learner": learners["vf"].name,
        "vb_learner": learners["vb"].name,
        "vf_lower_holds_for": "hard prior" if case.drawn else "worst expert",
        **_risk_columns("vf", vf, case, least["vf"]),
        **_risk_columns("vb", vb, case, least["vb"]),
        "verifier_error": error.value,
        "verifier_error_name": error.name,
    }
    found: dict[str, Bound | intervals.Estimate] = {
        "vf_lower_local": case.lower.local,
        "vf_lower": case.lower.over_stated,
        "vf_upper": learners["vf"].upper(case, "stated"),
        "vf_class_lower": case.lower.over_class,
        "vf_class": intervals.mean(
            whole_class, least=0.0 if rewards.mirror_closed else -horizon, most=horizon
        ),
        "vf_class_upper": learners["vf"].upper(case, "class"),
        "vb_upper": vb_upper,
    }
    for name, item in found.items():
        row |= columns_of(name, item)
    exact = exact_risks(learners, setting, case, work=ASKED if config.exact else CHEAP)
    for side, (value, reason) in exact.items():
        row |= {f"{side}_exact": value, f"{side}_exact_reason": reason}
    for side in ("vf", "vb"):
        row |= _shown(side, row)
        row[f"{side}_may_be_negative"] = least[side] < 0
    row |= _gap_columns(row, case.lower.over_stated, vb_upper)
    row |= _pass_columns(case, vf, vb)
    losses = {
        "vf": _sup_inside(vf, stated, model),
        "vb": _sup_inside(vb, stated, model),
    }
    return Cell(row, losses)


def _shown(side: str, row: dict[str, Any]) -> dict[str, Any]:
    """The risk to show: exact where there is one, else the mean over replicates.

    `_coarse` marks a mean whose interval is wider than the mean itself: too few replicates show
    any loss to say how much it is.
    """
    exact = row[f"{side}_exact"]
    value, low, high = (row[f"{side}_{name}"] for name in ("mean", "low", "high"))
    if exact is not None:
        value = low = high = exact
    return {
        f"{side}_loss": value,
        f"{side}_loss_low": low,
        f"{side}_loss_high": high,
        f"{side}_method": "exact" if exact is not None else "simulated",
        f"{side}_coarse": bool(high - low > abs(value) and high - low > ROUNDING * row["horizon"]),
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


def _risk_columns(side: str, losses: Losses, case: Case, least: float) -> dict[str, Any]:
    """Return the headline risk E sup_r, and beside it sup_r E and the law of the loss at r."""
    config, stated, model = case.config, case.stated, case.model
    by_reward = np.asarray(losses.by_reward)
    rng = stream(config.seed, "bootstrap", case.horizon, case.n, 0 if side == "vf" else 1)
    repeats = len(by_reward)
    weights = rng.multinomial(repeats, np.full(repeats, 1 / repeats), size=_RESAMPLES) / repeats
    resampled = np.tensordot(weights, by_reward, 1)
    at_truth = by_reward[..., 0] @ model.prompt_mass
    most = float(case.horizon)
    sups = intervals.bootstrap(
        _sup(resampled, stated, model), float(_sup(by_reward.mean(0), stated, model))
    )
    named = {
        side: intervals.mean(_sup_inside(losses, stated, model), least=least, most=most),
        f"{side}_sup": sups,
        f"{side}_signed": intervals.mean(at_truth, least=-most, most=most),
        f"{side}_positive": intervals.mean(np.maximum(at_truth, 0.0), least=0.0, most=most),
        f"{side}_quantile": intervals.quantile(at_truth, config.quantile, least=-most, most=most),
    }
    columns: dict[str, Any] = {}
    for name, estimate in named.items():
        columns |= columns_of(name, estimate)
    return columns


def _pass_columns(case: Case, vf: Losses, vb: Losses) -> dict[str, Any]:
    """pass@k at the true reward before and after, and where it crosses the base policy's (T13a)."""
    model, tries = case.model, case.config.pass_at
    if not tries:
        return {}
    solved = (model.returns > 0) & (model.pmf > 0)
    best = model.pmf * np.asarray(case.optima.density_ratio[0])
    before, optimal = (np.minimum((p * solved).sum(-1), 1.0) for p in (model.pmf, best))
    right = {"vf": np.asarray(vf.right), "vb": np.asarray(vb.right)}
    after = {side: np.clip(found[..., 0], 0.0, 1.0) for side, found in right.items()}
    columns: dict[str, Any] = {}
    for k in tries:
        name = f"pass_at_{k}"
        for whose, chance in (("base", before), ("best", optimal)):
            columns[f"{name}_{whose}"] = float(model.prompt_mass @ pass_at_n(chance, k))
        for side, chance in after.items():
            each = pass_at_n(chance, k) @ model.prompt_mass
            found = columns_of(f"{name}_{side}", intervals.mean(each, least=0.0, most=1.0))
            columns |= {key: value for key, value in found.items() if not key.endswith("_error")}
    for side, chance in after.items():
        at = bounds.pass_at_k_crossing(before, chance, prompt_mass=model.prompt_mass)
        there = bool(np.isfinite(at))
        columns[f"pass_crossing_{side}"] = at if there else None
        cause = _cause(case, side, right[side]) if there else None
        columns[f"pass_crossing_{side}_cause"] = cause
    return columns


def _cause(case: Case, side: str, right: Floats) -> str:
    """What lost right mass, at the prompts and in the replicates where it fell."""
    if case.learners[side].tied:
        return "one parameter serves all prompts"
    if side == "vb" and case.noise > 0:
        return "labels are noisy"
    before = (case.model.pmf * (case.model.returns > 0)).sum(-1)
    fell = right[..., 0] < before * (1.0 - ROUNDING)
    unseen, seen = np.einsum("rm,rmi,m->i", fell, right[..., 1:], case.model.prompt_mass)
    if unseen >= seen:
        return "right traces not seen lost mass"
    # A verifier may also lose it to wrong traces that it takes for better (plugin).
    how = "seen too rarely lost mass" if side == "vf" else "lost mass though seen"
    return f"right traces {how}"


def _gap_columns(row: dict[str, Any], lower: Bound, upper: Bound) -> dict[str, Any]:
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
    certified = (
        None
        if lower.value is None or upper.value is None
        else float(bounds.certified_gap(lower.value, upper.value))
    )
    return {
        "gap_measured": value,
        "gap_low": value - float(np.hypot(vf_below, vb_above)),
        "gap_high": value + float(np.hypot(vf_above, vb_below)),
        "gap_error": float(np.hypot(vf_error, vb_error)),
        "gap_certified": certified,
        "gap_certified_reason": (lower.reason or upper.reason) if certified is None else None,
    }
