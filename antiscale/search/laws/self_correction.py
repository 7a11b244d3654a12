"""Self-correction: write, verify, rewrite what was rejected, and again."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats
from antiscale.search.laws.rejection import Stopped
from antiscale.search.laws.renewal import Whole, binned, check_size, look
from antiscale.search.laws.verifiers import Flags

# Rounds after which nothing that matters is still being rewritten.
_MOST = 10**6


@dataclass(frozen=True, kw_only=True)
class SelfVerifier(FromMapping):
    """How well the model judges and corrects its own traces.

    Parameters
    ----------
    accept_right, accept_wrong
        Probability that it accepts a right trace, and a wrong one (1 - false rejects, false
        accepts), independently each time.
    fix, spoil
        Probability that rewriting turns a wrong trace right, and a right one wrong. None: a
        rewritten trace is a fresh draw of the base policy.
    """

    called: ClassVar[str] = "rate"

    accept_right: float = option(0.9, validate.chance)
    accept_wrong: float = option(0.4, validate.chance)
    fix: float | None = option(None, validate.chance)
    spoil: float | None = option(None, validate.chance)

    def steps(self, pmf: Floats, solved: Flags) -> tuple[Floats, Floats, Floats, Floats]:
        """Return p(j | class), P(class), P(accepted) and P(rejected, rewritten as class).

        Their shapes are [2, S], [2], [2] and [2, 2]: classes are right and wrong. Where the policy
        never writes one of them nothing becomes it.
        """
        classes = np.stack([np.where(solved, pmf, 0.0), np.where(solved, 0.0, pmf)])
        first = classes.sum(-1)
        within = classes / np.where(first > 0, first, 1.0)[:, None]
        fix = first[0] if self.fix is None else self.fix
        spoil = first[1] if self.spoil is None else self.spoil
        fix, spoil = fix * (first[0] > 0), spoil * (first[1] > 0)
        rewrite = np.array([[1.0 - spoil, spoil], [fix, 1.0 - fix]])
        accept = np.array([self.accept_right, self.accept_wrong])
        return within, first, accept, (1.0 - accept)[:, None] * rewrite


@validate.boundary
def self_correct(
    pmf: npt.ArrayLike, solved: npt.ArrayLike, verifier: SelfVerifier, rounds: int
) -> Floats:
    """Law of the type that is returned after up to N rewritings (T10l).

    The trace is verified; if accepted it is returned, else it is rewritten and verified again.
    After N rewritings the last one is returned, accepted or not.

    Parameters
    ----------
    pmf : [S]
        Base policy.
    solved : [S]
        Whether each type is right (1 or 0).
    verifier
        The model's rates.
    rounds
        N >= 0.

    Returns
    -------
    [S]

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    p = validate.pmf("pmf", pmf)
    right = validate.probability("solved", solved) > 0
    validate.instance("verifier", verifier, SelfVerifier, "antiscale.search.SelfVerifier(...)")
    if p.ndim != 1 or right.shape != p.shape:
        raise InputError(f"pmf and solved must be of one shape [S]; got {p.shape}, {right.shape}")
    count = validate.integer("rounds", rounds, least=0, most=_MOST)
    laws, _ = correction_by_rounds(p, right, verifier, np.zeros(len(p)), count)
    return laws[-1]


def correction_by_rounds(
    pmf: Floats, solved: Flags, verifier: SelfVerifier, costs: Floats, rounds: int
) -> tuple[Floats, Floats]:
    """Laws [N + 1, S] and mean tokens [N + 1] after up to 0..N rewritings (T10l)."""
    within, first, accept, again = verifier.steps(pmf, solved)
    price = within @ costs
    now, kept, tokens = first, np.zeros(2), float(first @ price)
    laws, spent = [now @ within], [tokens]
    for _ in range(rounds):
        kept = kept + now * accept
        now = now @ again
        tokens += float(now @ price)
        laws.append((kept + now) @ within)
        spent.append(tokens)
    return np.stack(laws), np.array(spent)


def capped_correction(
    pmf: Floats, solved: Flags, verifier: SelfVerifier, costs: Whole, budgets: Whole
) -> Stopped:
    """As `self_correct`, as long as rewritings fit into a token budget (T10h, T10l).

    Parameters
    ----------
    pmf, solved, costs : [S]
        The policy that writes; which types are right; whole tokens.
    verifier
        The model's rates.
    budgets : [Q]
        Whole tokens.

    Returns
    -------
    Stopped
        `law` [Q, S]; `spent` [Q] in tokens.
    """
    top = int(np.max(budgets))
    prices, place = np.unique(costs, return_inverse=True)
    check_size(top, 8, len(prices))
    within, first, accept, again = verifier.steps(pmf, solved)
    by_price = np.stack([binned(place, row, len(prices)) for row in within])
    # begun[t, z]: chance that a trace of class z is begun after t tokens.
    begun = np.zeros((top + 1, 2))
    begun[0] = first
    step = int(np.min(prices))
    for start in range(step, top + 1, step):
        stop = min(start + step, top + 1)
        for u, price in enumerate(prices):
            low = max(start - int(price), 0)
            if stop - price > low:
                ended = begun[low : stop - price] * by_price[:, u]
                begun[low + price : stop] += ended @ again
    upto = np.cumsum(begun, axis=0)
    tokens = np.cumsum(begun * np.arange(top + 1.0)[:, None], axis=0)
    # The law of the next cost after a rejected trace of each class, given that it is rejected.
    following = again @ by_price  # [2, U], sums to P(rejected)
    law = np.zeros((len(budgets), len(pmf)))
    spent, unspent = np.zeros(len(budgets)), np.ones(len(budgets))
    for z in range(2):
        for u, price in enumerate(prices):
            here = np.where(place == u, within[z], 0.0)
            if here.sum() == 0:
                continue
            done = look(upto[:, z], budgets, int(price))
            kept = accept[z] * done
            for share, next_price in zip(following[z], prices, strict=True):
                later = look(upto[:, z], budgets, int(price + next_price))
                kept = kept + share * (done - later)
            law += kept[:, None] * here
            unspent -= accept[z] * done * by_price[z, u]
            used = look(tokens[:, z], budgets, int(price)) + price * done
            spent += accept[z] * used * by_price[z, u]
    return Stopped(law, spent + np.maximum(unspent, 0.0) * budgets)
