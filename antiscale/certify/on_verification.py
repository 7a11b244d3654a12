"""Attacks on what is proved of verification: T6, T7, T8, T9 and T12."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, localcontext

import numpy as np

from antiscale import bounds
from antiscale.certify import instances, minimax, pessimist, truths
from antiscale.certify.check import TOP, Bound, Check, Evaluate, Pair, array, number, spread
from antiscale.certify.instances import Instance
from antiscale.core.validate import Floats
from antiscale.risks.rare_types import LightTypes

# T6


def _errors(pmf: Floats, table: Floats, n: int) -> tuple[Floats, Floats]:
    """The law of the data, and max P(R_r != R) over the version space for each truth: [N, K]."""
    counts = truths.count_vectors(n, len(pmf))
    law = truths.law_of_counts(pmf[None], n)[0]
    differ = table[:, None] != table
    apart = differ @ pmf
    clash = (differ[None] & (counts > 0)[:, None, None]).any(-1)
    return law, np.where(clash, 0.0, apart).max(-1)


def _verifier(x: Instance, bound: Bound) -> Pair:
    pmf = array(x["pmf"])
    table = np.unique(np.round(array(x["table"])[: x["members"]] / 8) * 8, axis=0)
    law, left = _errors(pmf, table, x["n"])
    place = {"n": x["n"], "log_class_size": math.log(len(table))}
    error = left.max(-1) if x["uniform"] else left[:, 0]
    if x["expected"]:
        return number(bound(uniform=x["uniform"], **place)), float(law @ error)
    value = number(bound(uniform=x["uniform"], delta=x["delta"], **place))
    return value, truths.quantile(law, error, x["delta"])


def _verifier_of_two(x: Instance, bound: Bound) -> Pair:
    """Two members that differ with probability e: they agree on n labels with (1 - e)^n."""
    e, n = x["e"], x["large"]
    place = {"n": n, "log_class_size": math.log(2), "uniform": x["uniform"]}
    agree = float(_power(1 - Decimal(e), n))
    if x["expected"]:
        return number(bound(**place)), e * agree
    value = number(bound(delta=x["delta"], **place))
    return value, e if agree > x["delta"] * (1 + 1e-12) else 0.0


def _power(base: Decimal, n: int) -> Decimal:
    """base^n to fifty digits."""
    with localcontext() as context:
        context.prec, context.Emin = 50, -(10**15)
        return base**n if n else Decimal(1)


def _unseen(x: Instance, bound: Bound) -> Pair:
    pmf, rho, n = array(x["pmf"]), x["rho"], x["n"]
    counts = truths.counts_shown(len(pmf), n, rho)
    law = truths.shown(pmf[None], n, rho)[0]
    value = rho * number(bound(style_mass=pmf, n=n, prompt_mass=rho))
    return value, rho * float(law @ ((counts == 0) @ pmf))


def _unseen_far(x: Instance, bound: Bound) -> Pair:
    """Many blocks, any n: sums to fifty digits."""
    pmf, rho, n = array(x["pmf"]), x["rho"], x["large"]
    value = number(bound(style_mass=pmf, n=n, prompt_mass=rho))
    truth = sum((Decimal(p) * _power(1 - Decimal(rho) * Decimal(p), n) for p in pmf), Decimal(0))
    return value, float(truth)


def _styles(pmf: Floats, returns: Floats, blocks: int, *, mirrors: bool) -> Floats | None:
    """The class styles [K, S]: any set of right styles, and the mirrors; None where f is 0 or H/2.

    Type j has style j mod `blocks`; H is TOP.
    """
    f = np.clip(returns, 0.0, TOP)
    if ((f <= 0) | (f == TOP / 2) | (f >= TOP)).any():
        return None
    style = np.arange(len(pmf)) % blocks
    right = np.array(list(itertools.product((0.0, 1.0), repeat=blocks)))
    table = right[:, style] * f
    return np.concatenate([table, TOP - table]) if mirrors else table


def _unseen_styles(x: Instance, bound: Bound) -> Pair:
    """T6b (iv): the largest error over all truths of a class of styles, over all data sets."""
    pmf, blocks = array(x["pmf"]), x["blocks"]
    table = _styles(pmf, array(x["returns"]), blocks, mirrors=x["mirrors"])
    if table is None or blocks > len(pmf):
        return None
    law, left = _errors(pmf, table, x["n"])
    mass = np.bincount(np.arange(len(pmf)) % blocks, weights=pmf)
    return number(bound(style_mass=mass, n=x["n"])), float(law @ left.max(-1))


def _unseen_noisy(x: Instance, bound: Bound) -> Pair:
    pmf, rho, n, eta = array(x["pmf"]), x["rho"], x["n"], x["eta"]
    value = rho * number(
        bound(style_mass=pmf, n=n, noise=eta, tolerance=x["tolerance"], prompt_mass=rho)
    )
    truth = 0.0
    for mass in pmf:
        law = truths.random_walk(n, rho * mass * (1 - eta), rho * mass * eta)
        truth += mass * law[np.arange(-n, n + 1) <= x["tolerance"]].sum()
    return value, rho * float(truth)


def _unseen_often(x: Instance, bound: Bound) -> Pair:
    pmf, n = array(x["pmf"]), x["n"]
    joint = np.concatenate([x["rho"] * pmf, (1 - x["rho"]) * pmf])
    joint = joint[joint > 0]
    if len(joint) > 5:
        joint = joint[:5] / joint[:5].sum()
    value = number(bound(style_mass=joint, n=n, delta=x["delta"], prompt_mass=1.0))
    counts = truths.count_vectors(n, len(joint))
    law = truths.law_of_counts(joint[None], n)[0]
    unseen = (counts == 0) @ joint
    return value, truths.quantile(law, unseen, x["delta"])


# T7: version spaces and pessimists, all sets of types seen

_NEEDS = {
    "T7": ("horizon", "error", "kappa", "max_ratio", "sigma"),
    "T7a": ("horizon", "error", "kappa"),
    "T7b": ("horizon", "error", "max_ratio"),
    "T7c": ("horizon", "error", "coverage"),
}


def _bounded(label: str, bound: Bound, **inputs: float) -> float:
    return number(bound(**{name: inputs[name] for name in _NEEDS[label]}))


def _wide(label: str, x: Instance) -> bool:
    return label == "T7c" or (label != "T7" and x["wide"])


def _one_game(label: str, game: pessimist.Game, x: Instance, top: float, bound: Bound) -> Pair:
    value = _bounded(
        label, bound, horizon=top, error=min(game.mistake, 1.0), kappa=x["kappa"],
        max_ratio=game.max_ratio, sigma=game.sigma, coverage=game.coverage,
    )  # fmt: skip
    return value, max(game.risk, 0.0)


def _any_labels(label: str) -> Evaluate:
    """Free labels: each type is worth nothing or `high`."""

    def evaluate(x: Instance, bound: Bound) -> Pair:
        pmf, high = array(x["pmf"]), x["high"]
        if high < 1e-6:
            return None
        table = np.array(list(itertools.product((0.0, high), repeat=len(pmf))))
        game = pessimist.play(
            pmf, table, x["kappa"], x["n"], 1.0, wide=_wide(label, x),
            mirrored=high if x["mirrored"] else None,
        )  # fmt: skip
        return None if game is None else _one_game(label, game, x, high, bound)

    return evaluate


def _of_styles(label: str) -> Evaluate:
    def evaluate(x: Instance, bound: Bound) -> Pair:
        pmf = array(x["pmf"])
        table = _styles(pmf, array(x["returns"]), x["blocks"], mirrors=x["mirrors"])
        if table is None:
            return None
        game = pessimist.play(
            pmf, table, x["kappa"], x["n"], 1.0, wide=_wide(label, x),
            mirrored=TOP if x["mirrors"] else None,
        )  # fmt: skip
        top = TOP if x["mirrors"] else float(table.max())
        return None if game is None else _one_game(label, game, x, top, bound)

    return evaluate


def _prompts(label: str) -> Evaluate:
    """Prompts of uneven masses, each with its own class: r and its mirror, or free labels."""

    def evaluate(x: Instance, bound: Bound) -> Pair:
        m, wide = x["m"], _wide(label, x)
        rho = instances.normalised(x["masses"], m)
        games = []
        for pmf, returns, share in zip(
            array(x["laws"])[:m], array(x["returns"])[:m], rho, strict=True
        ):
            if x["mirror"]:
                table = np.stack([returns, TOP - returns])
            else:
                table = np.array(list(itertools.product((0.0, TOP), repeat=len(pmf))))
            game = pessimist.play(pmf, table, x["kappa"], x["n"], float(share), wide=wide,
                                  mirrored=TOP if x["mirror"] else None)  # fmt: skip
            if game is None:
                return None
            games.append(game)
        value = _bounded(
            label, bound, horizon=TOP,
            error=min(sum(r * g.mistake for r, g in zip(rho, games, strict=True)), 1.0),
            kappa=x["kappa"], max_ratio=max(g.max_ratio for g in games),
            sigma=sum(r * g.sigma for r, g in zip(rho, games, strict=True)),
            coverage=min(g.coverage for g in games),
        )  # fmt: skip
        return value, max(sum(r * g.risk for r, g in zip(rho, games, strict=True)), 0.0)

    return evaluate


def _two_members(label: str) -> Evaluate:
    """A class of two rewards, whatever they are, and any n: the pessimist is a saddle point."""

    def evaluate(x: Instance, bound: Bound) -> Pair:
        pmf, table = array(x["pmf"]), array(x["pair"])
        found = pessimist.play_pair(pmf, table, x["kappa"])
        if found is None:
            return None
        unresolved = float(_power(1 - Decimal(min(found.apart, 1.0)), x["large"]))
        value = _bounded(
            label, bound, horizon=float(np.abs(table[0] - table[1]).max()),
            error=found.apart * unresolved, kappa=x["kappa"], max_ratio=found.max_ratio,
            sigma=found.sigma, coverage=found.coverage,
        )  # fmt: skip
        return value, max(found.regret * unresolved, 0.0)

    return evaluate


def _reversed_labels(label: str) -> Evaluate:
    def evaluate(x: Instance, bound: Bound) -> Pair:
        pmf, kappa, wide = array(x["pmf"]), x["kappa"], _wide(label, x)
        found = pessimist.play_noisy(pmf, TOP, kappa, x["few"], x["eta"], x["tolerance"], wide=wide)
        table = np.array(list(itertools.product((0.0, TOP), repeat=len(pmf))))
        best, optimal = truths.best_in_ball(pmf, table, kappa)
        inputs = {
            "horizon": TOP, "error": min(found.unsettled, 1.0), "kappa": kappa,
            "max_ratio": max(1.0, float((optimal[:, pmf > 0] / pmf[pmf > 0]).max())),
            "sigma": max(spread(pmf, row) for row in table),
            "coverage": min(
                float(pmf[row >= v - 1e-9 * TOP].sum()) for row, v in zip(table, best, strict=True)
            ),
        }  # fmt: skip
        named = {name: inputs[name] for name in _NEEDS[label]}
        return number(bound(failure=found.ruled_out, **named)), max(found.risk, 0.0)

    return evaluate


# T8


def _light(x: Instance, *, sharp: bool) -> LightTypes | None:
    c, d, n = (x["c"] if sharp else 1.0), x["d"], x["n"]
    if not _light_allowed(c, d, n, x["kappa"], sharp=sharp):
        return None
    return LightTypes(
        horizon=TOP, n=n, light=d, expected=c, heavy_gap=0.0 if sharp else TOP / 2,
        light_gap=TOP / 2, kappa=x["kappa"],
    )  # fmt: skip


def _light_allowed(c: float, d: int, n: int, kappa: float, *, sharp: bool) -> bool:
    if c * d >= n:
        return False
    share = c * d / n
    return kappa <= (1 / share - 1 if sharp else (1 - share) / (1 + share))


def _fast(x: Instance, bound: Bound) -> Pair:
    model = _light(x, sharp=False)
    if model is None:
        return None
    value = number(bound(horizon=TOP, n=x["n"], light=x["d"], kappa=x["kappa"]))
    return value, max(model.bayes_regret(), 0.0)


def _fast_listed(x: Instance, bound: Bound) -> Pair:
    d, n, kappa = x["d"], x["n"], x["kappa"]
    if not _light_allowed(1.0, d, n, kappa, sharp=False):
        return None
    heavy = np.array([TOP, 0.0])
    truth = pessimist.light_regret(1.0, d, n, kappa, heavy=heavy, high=TOP)
    return number(bound(horizon=TOP, n=n, light=d, kappa=kappa)), max(truth, 0.0)


def _slow(x: Instance, bound: Bound) -> Pair:
    model = _light(x, sharp=True)
    if model is None:
        return None
    value = number(bound(horizon=TOP, n=x["n"], light=x["d"], kappa=x["kappa"], expected=x["c"]))
    return value, max(model.bayes_regret(), 0.0)


def _slow_listed(x: Instance, bound: Bound) -> Pair:
    c, d, n, kappa = x["c"], x["d"], x["n"], x["kappa"]
    if not _light_allowed(c, d, n, kappa, sharp=True):
        return None
    truth = pessimist.light_regret(c, d, n, kappa, heavy=np.array([TOP / 2]), high=TOP)
    value = number(bound(horizon=TOP, n=n, light=d, kappa=kappa, expected=c))
    return value, max(truth, 0.0)


# T9


def _mirror_loss(pmf: Floats, returns: Floats, kappa: float) -> tuple[float, float, float]:
    """On the class {r, rbar}: what the base policy loses to the ball, W, and P(R != H/2)."""
    pair = np.stack([returns, TOP - returns])
    best, optimal = truths.best_in_ball(pmf, pair, kappa)
    alive = pmf > 0
    ratio = float((optimal[:, alive] / pmf[alive]).max())
    return float((best - pair @ pmf).max()), max(1.0, ratio), float(pmf[returns != TOP / 2].sum())


def _gap(x: Instance, bound: Bound) -> Pair:
    """Two types: any learner's worst risk less the pessimist's, for any n."""
    q, n, kappa = x["q"], x["large"], x["kappa"]
    pmf, returns = np.array([1 - q, q]), np.array([0.0, TOP])
    if kappa <= 0:
        return None
    sigma, place = spread(pmf, returns), {"kappa": kappa}
    most = min(math.sqrt(kappa), math.sqrt(min(q, 1 - q) / max(q, 1 - q)))
    cloning = sigma * minimax.two_type_risk(q, most, n)
    idle, ratio, _ = _mirror_loss(pmf, returns, kappa)
    # One trace tells r from its mirror; with none the base policy is played.
    verification = idle if n == 0 else 0.0
    upper = bounds.vb_upper(TOP, float(n == 0), max_ratio=ratio, sigma=sigma, **place)
    lower = bounds.vf_lower(pmf, returns, n, form=x["form"], **place)
    # Gaps may be negative: both are measured from -H.
    value = number(bound(vf_lower=lower, vb_upper=upper))
    return value + TOP, cloning - verification + TOP


def _gap_of_family(x: Instance, bound: Bound) -> Pair:
    """All prompts of a family with the class {r, rbar} at each."""
    model = truths.family_model(x["family"])
    kappa, n = x["kappa"], x["n"]
    if model is None or not model.announced or kappa <= 0:
        return None
    rho = instances.normalised(x["masses"], len(model.pmf))
    pmf = np.asarray(model.pmf)
    returns = np.asarray(model.returns, dtype=float) * (TOP / model.horizon)
    lower = float(rho @ bounds.vf_lower(pmf, returns, n, prompt_mass=rho, kappa=kappa))
    cloning = verification = error = sigma = 0.0
    ratio = 1.0
    for p, r, share in zip(pmf, returns, rho, strict=True):
        p, r = truths.merged(p, r)
        idle, w, apart = _mirror_loss(p, r, kappa)
        missed = float((1 - share * apart) ** n)
        verification += share * missed * idle
        error += share * missed * apart
        sigma += share * spread(p, r)
        ratio = max(ratio, w)
        if spread(p, r) < 1e-9 * TOP:
            continue
        if math.comb(n + len(p), len(p)) > 1500:
            return None
        most = min(math.sqrt(kappa), spread(p, r) / float(np.abs(r - p @ r).max()))
        cloning += share * spread(p, r) * minimax.worst_risk(p, r, most, n, float(share))
    upper = bounds.vb_upper(TOP, min(error, 1.0), kappa=kappa, max_ratio=ratio, sigma=sigma)
    value = number(bound(vf_lower=lower, vb_upper=upper))
    return value + TOP, cloning - verification + TOP


# T12


def _misspecified(x: Instance, bound: Bound) -> Pair:
    best, mass, n = TOP, x["mass"], x["n"]
    common = best * (0.5 + 0.5 * x["share"])
    if not best / 2 < common < best or not 0 < mass < 0.5:
        return None
    found = bound(best=best, common=common, mass=mass)
    # The clone plays the empirical law of the expert's styles at both prompts.
    k = np.arange(n + 1)
    law = truths.binomial(n, 0.5)
    values = 0.5 * (best * k / n) + 0.5 * (best * (n - k) / n)
    truth = np.array([best, common, 2 * mass * best / 2 + (1 - 2 * mass) * common, law @ values])
    given = np.array([found.expert, found.verified, found.base, found.cloned], dtype=float)
    worst = int(np.argmax(np.abs(given - truth)))
    return float(given[worst]), float(truth[worst])


_DELTA = instances.positive(1e-3, 0.9)
_MASS = instances.share(0.02, 1.0, 1.0)
_LARGE = instances.count(0, 10**9)
_KAPPA = instances.positive(1e-3, 1e2, 1e-9, 1e6)
_UNIFORM = {"uniform": instances.choice(False, True), "delta": _DELTA,
            "expected": instances.choice(False, True)}  # fmt: skip
_LAW = {"pmf": instances.pmf(2, 5), "returns": instances.table(1, "pmf")}
_BLOCKS = {"blocks": instances.count(1, 3), "mirrors": instances.choice(False, True)}
_WIDE = {"kappa": _KAPPA, "wide": instances.choice(False, True)}


def _games(label: str) -> list[Check]:
    by, rows = "all data sets and truths", instances.choice([0] * 2, [0] * 3)
    return [
        Check(label, "any labels", "upper",
              {"pmf": instances.pmf(2, 4), "n": _LARGE, "high": instances.share(0.0, TOP, TOP),
               "mirrored": instances.choice(False, True), **_WIDE}, _any_labels(label), by),
        Check(label, "styles", "upper", {**_LAW, **_BLOCKS, "n": _LARGE, **_WIDE},
              _of_styles(label), by),
        Check(label, "prompts", "upper",
              {"m": instances.count(1, 3), "types": rows, "laws": instances.laws(3, "types"),
               "returns": instances.table(3, "types"), "masses": instances.masses(3),
               "mirror": instances.choice(False, True), "n": _LARGE, **_WIDE}, _prompts(label), by),
        *([] if label == "T7c" else [
            Check(label, "two members", "upper",
                  {"pmf": instances.pmf(2, 6), "pair": instances.table(2, "pmf"), "large": _LARGE,
                   "kappa": instances.positive(1e-3, 1e2)}, _two_members(label), "saddle points")]),
        *([] if label == "T7" else [
            Check(label, "reversed labels", "upper",
                  {"pmf": instances.pmf(2, 3), "few": instances.count(0, 6),
                   "eta": instances.share(0.0, 0.49, 0.0), "tolerance": instances.count(0, 3),
                   **_WIDE},
                  _reversed_labels(label), by, draws=24)]),
    ]  # fmt: skip


_FAST = {"n": instances.count(2, 10**6), "kappa": instances.positive(1e-3, 1.0)}
_SLOW = {"n": instances.count(2, 10**6), "kappa": instances.positive(1e-3, 1e2),
         "c": instances.positive(0.05, 3.0)}  # fmt: skip

CHECKS = (
    Check("T6a", "few types", "upper",
          {"pmf": instances.pmf(2, 4), "table": instances.table(8, "pmf"),
           "members": instances.count(1, 8),
           "n": instances.count(0, 8), **_UNIFORM}, _verifier, "all data sets"),
    Check("T6a", "two members", "upper", {"e": instances.share(), "large": _LARGE, **_UNIFORM},
          _verifier_of_two, "powers to fifty digits"),
    Check("T6b", "few blocks", "upper", {"pmf": instances.pmf(1, 4), "rho": _MASS,
                                         "n": instances.count(0, 8)}, _unseen, "all data sets"),
    Check("T6b", "many blocks", "upper", {"pmf": instances.pmf(5, 200), "rho": _MASS,
                                          "large": _LARGE}, _unseen_far,
          "powers to fifty digits"),
    Check("T6b", "styles", "upper", {**_LAW, **_BLOCKS, "n": instances.count(0, 6)}, _unseen_styles,
          "all data sets and truths"),
    Check("T6c", "few blocks", "upper",
          {"pmf": instances.pmf(1, 4), "rho": _MASS, "n": instances.count(0, 100),
           "eta": instances.share(0.0, 0.49, 0.0), "tolerance": instances.count(0, 6)},
           _unseen_noisy,
          "random walks"),
    Check("T6d", "few blocks", "upper",
          {"pmf": instances.pmf(1, 4), "rho": instances.share(0.02, 0.98), "n": instances.count(0,
                                                                                                8),
           "delta": _DELTA}, _unseen_often, "all data sets"),
    *_games("T7"), *_games("T7a"), *_games("T7b"), *_games("T7c"),
    Check("T8a", "any number", "lower", {"d": instances.choice(1, 2, 4), **_FAST}, _fast,
          "sums over counts"),
    Check("T8a", "few types", "lower", {"d": instances.count(1, 4), **_FAST}, _fast_listed,
          "all labels and data sets"),
    Check("T8b", "any number", "lower", {"d": instances.choice(1, 4, 24), **_SLOW}, _slow,
          "sums over counts"),
    Check("T8b", "few types", "lower", {"d": instances.count(1, 5), **_SLOW}, _slow_listed,
          "all labels and data sets", draws=16),
    Check("T9", "two types", "lower",
          {"q": instances.share(1e-4, 1 - 1e-4, 0.5), "large": _LARGE, "kappa": _KAPPA,
           "form": instances.choice("two_point", "best")}, _gap, "De Moivre and all data sets"),
    Check("T9", "families", "lower",
          {"family": instances.family(), "masses": instances.masses(16), "n": instances.count(0, 3),
           "kappa": _KAPPA}, _gap_of_family, "worst experts of 14 learners; all data sets",
          draws=16),
    Check("T12", "any instance", "equal", {"mass": instances.share(0.01, 0.49),
                                           "share": instances.share(0.01, 0.99),
                                           "n": instances.count(1, 1000)}, _misspecified,
          "binomial sums"),
)  # fmt: skip
