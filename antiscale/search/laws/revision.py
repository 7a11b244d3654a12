"""Sequential revision: each try is conditioned on the failures so far."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.search.laws.rejection import Stopped
from antiscale.search.laws.renewal import Whole, binned, check_size, cut_off, look

# States (sets of answers that were rejected) that are summed over.
_MOST = 4096


@dataclass(frozen=True, eq=False)
class _Kind:
    """Answers that are alike: how many, the joint mass [S] of one, whether it is accepted."""

    count: int
    joint: Floats
    accept: float


def _kinds(pmf: Floats, answers: Floats, accept: Floats) -> list[_Kind]:
    columns = np.concatenate([(pmf[:, None] * answers).T, accept[:, None]], axis=-1)
    columns = columns[columns[:, :-1].sum(-1) > 0]
    alike, counts = np.unique(columns, axis=0, return_counts=True)
    rows = zip(alike, counts, strict=True)
    kinds = [_Kind(int(count), row[:-1], float(row[-1])) for row, count in rows]
    states = int(np.prod([kind.count + 1.0 for kind in kinds]))
    if states > _MOST:
        raise InputError(
            f"revision over {len(kinds)} kinds of answers has {states} sets of rejected ones; at "
            f"most {_MOST} are summed (take fewer or equally likely wrong answers)"
        )
    return kinds


def _left(kinds: list[_Kind], state: tuple[int, ...]) -> list[tuple[int, _Kind, int]]:
    """The kinds of which some answer was not rejected yet, with their places and numbers."""
    return [
        (i, kind, kind.count - used)
        for i, (kind, used) in enumerate(zip(kinds, state, strict=True))
        if kind.count > used
    ]


def _after(state: tuple[int, ...], place: int) -> tuple[int, ...]:
    return (*state[:place], state[place] + 1, *state[place + 1 :])


@validate.boundary
def revise(pmf: npt.ArrayLike, answers: npt.ArrayLike, accept: npt.ArrayLike, tries: int) -> Floats:
    """Law of the type returned by up to N tries that never repeat a rejected answer (T10k).

    Each try is drawn from the base policy given that its answer is none of those rejected so far.
    The first accepted one is returned, the last one if none was.

    Parameters
    ----------
    pmf : [S]
        Base policy.
    answers : [S, A]
        P(answer | type).
    accept : [A]
        Probability that each answer is accepted.
    tries
        N >= 1.

    Returns
    -------
    [S]

    Raises
    ------
    InputError
        If an argument is out of range, or there are too many sets of answers to sum over.

    Examples
    --------
    >>> # One right answer in four equally likely ones, and a perfect verifier.
    >>> revise([0.25] * 4, np.eye(4), [1, 0, 0, 0], 2)[0].round(12)
    np.float64(0.5)
    """
    p = validate.pmf("pmf", pmf)
    given = validate.pmf("answers", answers)
    a = validate.probability("accept", accept)
    if p.ndim != 1 or given.shape[:1] != p.shape or a.shape != given.shape[1:]:
        raise InputError(
            f"pmf, answers and accept must have shapes [S], [S, A], [A]; got {p.shape}, "
            f"{given.shape}, {a.shape}"
        )
    limit = validate.integer("tries", tries, least=1)
    laws, _ = revision_by_tries(p, given, a, np.zeros(len(p)))
    return laws[min(limit, len(laws) - 1)]


def revision_by_tries(
    pmf: Floats, answers: Floats, accept: Floats, costs: Floats
) -> tuple[Floats, Floats]:
    """Laws [N + 1, S] and mean tokens [N + 1] of up to 0, 1, ..., N tries, N all answers (T10k)."""
    kinds = _kinds(pmf, answers, accept)
    most = sum(kind.count for kind in kinds)
    law = np.zeros(len(pmf))
    laws, spent = [law], [0.0]
    at: dict[tuple[int, ...], float] = {(0,) * len(kinds): 1.0}
    accepted, tokens = np.zeros(len(pmf)), 0.0
    for _ in range(most):
        following: dict[tuple[int, ...], float] = {}
        last, stuck = np.zeros(len(pmf)), np.zeros(len(pmf))
        for state, chance in at.items():
            left = _left(kinds, state)
            total = sum(number * kind.joint.sum() for _, kind, number in left)
            for place, kind, number in left:
                drawn = chance * number * kind.joint / total
                tokens += float(drawn @ costs)
                accepted = accepted + drawn * kind.accept
                rejected = drawn * (1.0 - kind.accept)
                after = _after(state, place)
                if _left(kinds, after):
                    following[after] = following.get(after, 0.0) + float(rejected.sum())
                    last += rejected
                else:
                    stuck += rejected
        # Where every answer was rejected the last of them stays.
        accepted = accepted + stuck
        laws.append(accepted + last)
        spent.append(tokens)
        at = following
    return np.stack(laws), np.array(spent)


def capped_revision(
    pmf: Floats, answers: Floats, accept: Floats, costs: Whole, budgets: Whole
) -> Stopped:
    """As `revise`, as long as tries fit into a token budget (T10h, T10k).

    Parameters
    ----------
    pmf, costs : [S]
        The policy that writes; whole tokens.
    answers : [S, A]
        P(answer | type).
    accept : [A]
        Probability that each answer is accepted.
    budgets : [Q]
        Whole tokens.

    Returns
    -------
    Stopped
        `law` [Q, S]; `spent` [Q] in tokens.
    """
    kinds = _kinds(pmf, answers, accept)
    # How many of each kind were rejected, those with fewer first.
    states = sorted(itertools.product(*(range(kind.count + 1) for kind in kinds)), key=sum)
    top = int(np.max(budgets))
    prices, place_of = np.unique(costs, return_inverse=True)
    check_size(top, len(states) * len(kinds), len(prices))
    at = {states[0]: np.eye(1, top + 1)[0]}
    law = np.zeros((len(budgets), len(pmf)))
    spent, unspent = np.zeros(len(budgets)), np.ones(len(budgets))
    clock = np.arange(top + 1.0)

    for state in states:
        flow = at.pop(state, None)
        if flow is None:
            continue
        upto, tokens = np.cumsum(flow), np.cumsum(flow * clock)
        left = _left(kinds, state)
        total = sum(number * kind.joint.sum() for _, kind, number in left)
        for place, kind, number in left:
            joint = number * kind.joint / total
            by_price = binned(place_of, joint)
            after = _after(state, place)
            ahead = _left(kinds, after)
            following = np.zeros(len(prices))
            if ahead:
                rest = sum(number * kind.joint.sum() for _, kind, number in ahead)
                for _, other, number_left in ahead:
                    following += binned(place_of, number_left * other.joint / rest)
                gone = at.setdefault(after, np.zeros(top + 1))
            for u, price in enumerate(prices):
                if by_price[u] == 0:
                    continue
                here = np.where(place_of == u, joint, 0.0)
                done = look(upto, budgets, int(price))
                used = look(tokens, budgets, int(price)) + price * done
                # An answer that is rejected stays the answer if nothing is left to try.
                final = kind.accept if ahead else 1.0
                law += final * done[:, None] * here
                unspent -= final * done * by_price[u]
                spent += final * used * by_price[u]
                if not ahead:
                    continue
                cut = cut_off(upto, budgets, int(price), following, prices)
                law += (1.0 - kind.accept) * cut[:, None] * here
                if price <= top:
                    gone[price:] += (1.0 - kind.accept) * by_price[u] * flow[: top + 1 - price]
    return Stopped(law, spent + np.maximum(unspent, 0.0) * budgets)
