"""Attacks on what verification loses at most: T7, over all sets of types seen and all truths."""

from collections.abc import Iterable
from decimal import Decimal

import numpy as np

from antiscale.bounds import wrong_class_tolerance
from antiscale.certify import instances as gene
from antiscale.certify import pessimist, truths
from antiscale.certify.check import TOP, Bound, Pair, check
from antiscale.core.validate import Floats

_NEEDS = {
    "T7": ("horizon", "error", "kappa", "max_ratio", "sigma"),
    "T7a": ("horizon", "error", "kappa", "failure"),
    "T7b": ("horizon", "error", "max_ratio", "failure"),
    "T7c": ("horizon", "error", "coverage", "failure"),
}
_BY = "all data sets and truths"
_LARGE = gene.count(0, 10**9)
_WIDE = {
    "kappa": gene.positive(1e-3, 1e2, 1e-9, 1e6), "wide": gene.choice(False, True),
}  # fmt: skip


def _lost(
    label: str, bound: Bound, top: float, kappa: float, games: Iterable[pessimist.Game | None],
    rho: Iterable[float] = (1.0,),
) -> Pair:  # fmt: skip
    """The bound and the risk where prompts of masses `rho` have a game each; None without one."""
    played = []
    for game in games:
        if game is None:
            return None
        played.append(game)
    error, sigma, risk = (
        sum(share * getattr(game, name) for share, game in zip(rho, played, strict=True))
        for name in ("mistake", "sigma", "risk")
    )
    inputs = {
        "horizon": top, "error": min(error, 1.0), "kappa": kappa, "sigma": sigma,
        "max_ratio": max(game.max_ratio for game in played),
        "coverage": min(game.coverage for game in played),
        "failure": max(game.failure for game in played),
    }  # fmt: skip
    return bound(**{name: inputs[name] for name in _NEEDS[label]}), max(risk, 0.0)


def _is_wide(label: str, wide: bool) -> bool:
    return label == "T7c" or (label != "T7" and wide)


@check(
    "T7 T7a T7b T7c", "any labels", _BY, pmf=gene.pmf(2, 4), n=_LARGE,
    high=gene.share(0.0, TOP, TOP), mirrored=gene.choice(False, True), **_WIDE,
)  # fmt: skip
def _any_labels(
    bound: Bound, pmf: Floats, n: int, high: float, mirrored: bool, kappa: float, wide: bool,
    label: str,
) -> Pair:  # fmt: skip
    """Free labels: each type is worth nothing or `high`."""
    if high < 1e-6:
        return None
    game = pessimist.play(
        pmf, truths.free_labels(len(pmf), high), kappa, n, 1.0, wide=_is_wide(label, wide),
        mirrored=high if mirrored else None,
    )  # fmt: skip
    return _lost(label, bound, high, kappa, [game])


@check(
    "T7 T7a T7b T7c", "styles", _BY, pmf=gene.pmf(2, 5), returns=gene.table(1, "pmf"),
    blocks=gene.count(1, 3), mirrors=gene.choice(False, True), n=_LARGE, **_WIDE,
)  # fmt: skip
def _of_styles(
    bound: Bound, pmf: Floats, returns: Floats, blocks: int, mirrors: bool, n: int, kappa: float,
    wide: bool, label: str,
) -> Pair:  # fmt: skip
    table = truths.styles(pmf, returns, blocks, mirrors=mirrors)
    if table is None:
        return None
    game = pessimist.play(
        pmf, table, kappa, n, 1.0, wide=_is_wide(label, wide), mirrored=TOP if mirrors else None
    )
    return _lost(label, bound, TOP if mirrors else float(table.max()), kappa, [game])


@check(
    "T7 T7a T7b T7c", "prompts", _BY, m=gene.count(1, 3), types=gene.choice([0] * 2, [0] * 3),
    laws=gene.laws(3, "types"), returns=gene.table(3, "types"), masses=gene.masses(3),
    mirror=gene.choice(False, True), n=_LARGE, **_WIDE,
)  # fmt: skip
def _prompts(
    bound: Bound, m: int, laws: Floats, returns: Floats, masses: Floats, mirror: bool, n: int,
    kappa: float, wide: bool, label: str,
) -> Pair:  # fmt: skip
    """Prompts of uneven masses, each with its own class: r and its mirror, or free labels."""
    rho = gene.normalised(masses, m)
    games = (
        pessimist.play(
            pmf, np.stack([row, TOP - row]) if mirror else truths.free_labels(len(pmf), TOP),
            kappa, n, float(share), wide=_is_wide(label, wide), mirrored=TOP if mirror else None,
        )
        for pmf, row, share in zip(laws[:m], returns[:m], rho, strict=True)
    )  # fmt: skip
    return _lost(label, bound, TOP, kappa, games, rho)


@check(
    "T7 T7a T7b", "two members", "saddle points", pmf=gene.pmf(2, 6), pair=gene.table(2, "pmf"),
    large=_LARGE, kappa=gene.positive(1e-3, 1e2),
)  # fmt: skip
def _two_members(
    bound: Bound, pmf: Floats, pair: Floats, large: int, kappa: float, label: str
) -> Pair:
    """A class of two rewards, whatever they are, and any n: the pessimist is a saddle point."""
    game = pessimist.play_pair(pmf, pair, kappa)
    if game is None:
        return None
    unresolved = float(truths.power(1 - Decimal(min(game.mistake, 1.0)), large))
    game = game._replace(mistake=game.mistake * unresolved, risk=game.risk * unresolved)
    return _lost(label, bound, float(np.abs(pair[0] - pair[1]).max()), kappa, [game])


@check(
    "T7a T7b T7c", "reversed labels", _BY, 24, pmf=gene.pmf(2, 3), few=gene.count(0, 6),
    eta=gene.share(0.0, 0.49, 0.0), tolerance=gene.count(0, 3), **_WIDE,
)  # fmt: skip
def _reversed_labels(
    bound: Bound, pmf: Floats, few: int, eta: float, tolerance: int, kappa: float, wide: bool,
    label: str,
) -> Pair:  # fmt: skip
    wide = _is_wide(label, wide)
    game = pessimist.play_noisy(pmf, TOP, kappa, few, eta, tolerance, wide=wide)
    return _lost(label, bound, TOP, kappa, [game])


@check(
    "T7d", "two members", "all data sets", 12, pmf=gene.pmf(2, 4), members=gene.table(2, "pmf"),
    returns=gene.table(1, "pmf"), n=gene.count(1, 8), kappa=gene.positive(1e-3, 1e2),
    delta=gene.positive(1e-2, 0.9), near=gene.choice(False, True),
    known=gene.choice("neither", "max_ratio", "own_ratio"),
)  # fmt: skip
def _wrong_class(
    bound: Bound, pmf: Floats, members: Floats, returns: Floats, n: int, kappa: float, delta: float,
    near: bool, known: str,
) -> Pair:  # fmt: skip
    """Two rewards, and a truth that is neither, or near one of them."""
    if not truths.listable(n, len(pmf), 1.0):
        return None
    returns = 0.95 * members[0] + 0.05 * returns if near else returns
    bias = float((np.abs(members - returns) @ pmf).min())
    place = {"bias": bias, "n": n, "log_class_size": np.log(2.0), "delta": delta}
    allowed = float(wrong_class_tolerance(TOP, **place).allowed)
    counts = truths.count_vectors(n, len(pmf))
    policies = pessimist.tolerant(pmf, members, returns, kappa, counts, allowed)
    if policies is None:
        return None
    best, optimal = truths.best_in_ball(pmf, returns[None], kappa)
    ratios = {"max_ratio": optimal, "own_ratio": policies}
    given = {} if known == "neither" else {known: truths.max_ratio(pmf, ratios[known])}
    law = truths.law_of_counts(pmf[None], n)[0]
    truth = truths.quantile(law, best[0] - policies @ returns, delta)
    return bound(horizon=TOP, kappa=kappa, **place, **given), truth


@check(
    "T7d", "a light type", "plain sums", light=gene.positive(1e-9, 0.5), heavy=gene.share(),
    said=gene.share(0.0, 1.0, 1.0), is_=gene.share(0.0, 1.0, 0.0), n=_LARGE,
    kappa=gene.positive(1e-3, 1e2),
)  # fmt: skip
def _wrong_light(
    bound: Bound, light: float, heavy: float, said: float, is_: float, n: int, kappa: float
) -> Pair:
    """One reward that is wrong on one rare type."""
    pmf = np.array([light, 1 - light])
    member, returns = (TOP * np.array([z, heavy]) for z in (said, is_))
    return _wrong_member(bound, pmf, member, returns, n, kappa, 1.0, known=True)


@check(
    "T7d", "one member", "plain sums", pmf=gene.pmf(2, 6), member=gene.table(1, "pmf"),
    returns=gene.table(1, "pmf"), n=_LARGE, kappa=gene.positive(1e-3, 1e2),
    share=gene.share(0.0, 1.0, 1.0), known=gene.choice(False, True),
)  # fmt: skip
def _wrong_member(
    bound: Bound, pmf: Floats, member: Floats, returns: Floats, n: int, kappa: float, share: float,
    known: bool,
) -> Pair:  # fmt: skip
    """One reward, not the truth: with probability 1 - delta > delta its best policy is played."""
    returns = member + share * (returns - member)
    best, optimal = truths.best_in_ball(pmf, returns[None], kappa)
    _, policy = truths.best_in_ball(pmf, member[None], kappa)
    given = {"max_ratio": truths.max_ratio(pmf, optimal)} if known else {}
    value = bound(
        horizon=TOP, bias=float(pmf @ np.abs(member - returns)), n=n, log_class_size=0.0,
        delta=0.05, kappa=kappa, **given,
    )  # fmt: skip
    return value, max(float(best[0] - policy[0] @ returns), 0.0)
