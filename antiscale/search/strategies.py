"""The strategies by name: what each returns and spends at every token budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import Floats, shown
from antiscale.models.families import load_family
from antiscale.models.traces import TraceModel
from antiscale.search.config import POLICIES, SearchConfig
from antiscale.search.laws.allocation import allocate, concave_envelope
from antiscale.search.laws.best_of import select, select_on_average
from antiscale.search.laws.combined import several, verdict_levels
from antiscale.search.laws.correlated import correlated
from antiscale.search.laws.counting import traces_that_fit
from antiscale.search.laws.hard_cap import capped_select
from antiscale.search.laws.passes import pass_at_n
from antiscale.search.laws.rejection import capped_until_accepted, until_accepted
from antiscale.search.laws.renewal import Whole, binned, check_size, overshoot, renew
from antiscale.search.laws.revision import capped_revision, revision_by_tries
from antiscale.search.laws.score_laws import ScoreLaw
from antiscale.search.laws.self_correction import capped_correction, correction_by_rounds
from antiscale.search.laws.verifiers import accepting, by_score, gaussian, rates, roc
from antiscale.search.laws.votes import vote_over
from antiscale.search.problem import SearchProblem

# Spacing of a Gaussian score's quadrature under a hard cap: 1e-13 for up to 10^3 traces.
_COARSE = 0.12
# No problem is allocated more than this many times the average budget.
ALLOCATION_LIMIT = 8
# Options of a hard-capped allocation, per horizon.
_CAPS = 32


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a strategy returns and spends: Q budgets, m problems.

    Attributes
    ----------
    law : [m, Q, S]
        Law of the type that is returned; what is missing returned nothing.
    spent : [m, Q]
        Mean tokens.
    note
        What is particular about this curve, if anything.
    """

    law: Floats
    spent: Floats
    note: str | None = None


@dataclass(frozen=True, eq=False)
class Setup:
    """A configuration with its trace model; what is learned from traces is worked out once."""

    config: SearchConfig
    model: TraceModel
    base: SearchProblem

    @classmethod
    def of(cls, config: SearchConfig) -> Setup:
        """Load the model.

        Raises
        ------
        InputError
            If the family does not allow its parameters or the horizon.
        """
        parameters = config.family_parameters()
        model = load_family(config.family, horizon=config.horizon, **parameters)
        return cls(config, model, SearchProblem.of(model, config.wrong_answers))

    @cached_property
    def lessons(self) -> Any:
        """What n labelled traces teach."""
        from antiscale.rewards import load_class
        from antiscale.search.learned import lessons

        rewards = load_class(self.config.class_name(), self.model)
        return lessons(self.model, rewards, self.config.traces, self.config.kappa)

    @cached_property
    def expert(self) -> Floats:
        """pibar_kappa of the true reward, [m, S]."""
        from antiscale.ball.optimum import chi2_ball_optimum

        best = chi2_ball_optimum(self.model.pmf, self.base.returns, self.config.kappa)
        return self.model.pmf * np.asarray(best.density_ratio)

    def written_by(self, policy: str) -> SearchProblem:
        """Return the problem with another policy that writes.

        `cloned` is the mean of tabular SFT on n traces of the expert: the expert where the prompt
        was seen, else the base policy. `finetuned` is the learner `simple`, case by case.
        """
        if policy == "expert":
            return replace(self.base, pmf=self.expert)
        if policy == "cloned":
            with np.errstate(divide="ignore"):
                never = np.exp(self.config.traces * np.log1p(-self.base.prompt_mass))[:, None]
            return replace(self.base, pmf=(1.0 - never) * self.expert + never * self.base.pmf)
        if policy == "finetuned":
            return self.base.split(self.lessons.chance, self.lessons.policy)
        return self.base

    def taught(self, policy: str) -> tuple[SearchProblem, ScoreLaw]:
        """Return the problem case by case, with the learned verifier of each case."""
        chance, scores = self.lessons.chance, self.lessons.scores
        if policy == "finetuned":
            written = self.lessons.policy
        else:
            written = np.broadcast_to(self.written_by(policy).pmf[:, None], scores.shape)
        return self.base.split(chance, written), by_score(scores.reshape(-1, scores.shape[-1]))


Run = Callable[[Setup, str, Whole, bool], tuple[SearchProblem, Outcome]]


@dataclass(frozen=True)
class Strategy:
    """A named strategy: one line on what it does, and how it is computed."""

    name: str
    summary: str
    run: Run


def _best(
    problem: SearchProblem, law: ScoreLaw, costs: Whole, budgets: Whole, *, hard: bool
) -> Outcome:
    """Best-of-N by a verifier, N chosen by the budget."""
    if hard:
        found = capped_select(problem.pmf, costs, law, budgets)
        return Outcome(found, _all(problem, budgets))
    mean = problem.mean_cost(costs)
    each = [select_on_average(problem.pmf, law, budget / mean) for budget in budgets]
    return Outcome(np.stack(each, axis=1), _all(problem, budgets))


def _all(problem: SearchProblem, budgets: Whole) -> Floats:
    return np.broadcast_to(budgets.astype(float), (len(problem.pmf), len(budgets)))


def _verified(setup: Setup, problem: SearchProblem, verdicts: int = 1) -> Whole:
    return problem.costs + verdicts * setup.config.verifier_tokens


def _single(setup: Setup, policy: str, budgets: Whole, hard: bool) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    fits = problem.costs[:, None, :] <= budgets[:, None]
    spent = np.minimum(problem.costs[:, None, :], budgets[:, None])
    outcome = Outcome(problem.pmf[:, None] * fits, (problem.pmf[:, None] * spent).sum(-1))
    return problem, outcome


def _oracle(setup: Setup, policy: str, budgets: Whole, hard: bool) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    law = by_score(problem.returns)
    return problem, _best(problem, law, _verified(setup, problem), budgets, hard=hard)


def _learned(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem, law = setup.taught(policy)
    return problem, _best(problem, law, _verified(setup, problem), budgets, hard=hard)


def _noisy(setup: Setup, policy: str, budgets: Whole, hard: bool) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    law = gaussian(problem.solved, setup.config.auc, **({"spacing": _COARSE} if hard else {}))
    return problem, _best(problem, law, _verified(setup, problem), budgets, hard=hard)


def _roc(setup: Setup, policy: str, budgets: Whole, hard: bool) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    law = roc(problem.solved, *np.array(setup.config.roc).T)
    return problem, _best(problem, law, _verified(setup, problem), budgets, hard=hard)


def _verdict(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    law = rates(problem.solved, setup.config.true_positive, setup.config.false_positive)
    return problem, _best(problem, law, _verified(setup, problem), budgets, hard=hard)


def _several(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    true, false = np.array(setup.config.verifiers).T
    law = several(problem.solved, true, false, setup.config.combine)
    costs = _verified(setup, problem, len(true))
    return problem, _best(problem, law, costs, budgets, hard=hard)


def _correlated(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem, config = setup.written_by(policy), setup.config
    answers = problem.answers
    if problem.given:
        right = answers * problem.right[:, None]
        answers = np.concatenate([right.sum(-1, keepdims=True), answers - right], axis=-1)
    law = correlated(
        problem.solved, answers, config.true_positive, config.false_positive,
        config.correlation, passes=config.passes,
    )  # fmt: skip
    costs = _verified(setup, problem, config.passes)
    return problem, _best(problem, law, costs, budgets, hard=hard)


def _majority(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    q = problem.answer_mass
    votes = np.stack([q * ~problem.voting, q * problem.voting], axis=-1)
    return problem, _voted(problem, votes, problem.costs, budgets, hard=hard)


def _weighted(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    true, false = np.array(setup.config.verifiers).T
    right, wrong = verdict_levels(true, false, "vote")
    accepts = np.where(problem.solved[..., None], right, wrong)
    votes = np.einsum("ms,msa,msw->maw", problem.pmf, problem.answers, accepts)
    # Who gives no answer has no vote.
    silent = votes[:, ~problem.voting].sum(-1)
    votes[:, ~problem.voting] = 0.0
    votes[:, ~problem.voting, 0] = silent
    costs = _verified(setup, problem, len(setup.config.verifiers))
    return problem, _voted(problem, votes, costs, budgets, hard=hard)


def _voted(
    problem: SearchProblem, votes: Floats, costs: Whole, budgets: Whole, *, hard: bool
) -> Outcome:
    """A vote among as many traces as the budget allows; a trace of the winning answer is taken."""
    note = None
    spent = np.array(_all(problem, budgets))
    joint = problem.pmf[..., None] * problem.answers  # [m, S, A]
    # Without a vote nothing wins.
    joint[..., ~problem.voting] = 0.0
    mass = problem.answer_mass
    if hard and _says_nothing(problem, costs):
        law = np.zeros((len(costs), len(budgets), costs.shape[-1]))
        fitting: dict[bytes, Floats] = {}
        for x in range(len(costs)):
            prices, place = np.unique(costs[x], return_inverse=True)
            priced = binned(place, problem.pmf[x])
            some = priced > 0
            key = priced[some].tobytes() + prices[some].tobytes()
            if key not in fitting:
                fitting[key] = traces_that_fit(priced[some], prices[some], budgets)
            # Given what it cost, the winner's type is one of that price and answer.
            within = np.zeros((some.sum(), *joint[x].shape))
            for u, index in enumerate(np.flatnonzero(some)):
                within[u] = np.where((place == index)[:, None], joint[x], 0.0) / priced[index]
            within /= np.where(mass[x] > 0, mass[x], 1.0)
            won = [vote_over(votes[x : x + 1], chance[None])[0] for chance in fitting[key]]
            law[x] = np.einsum("qau,usa->qs", np.stack(won), within)
        return Outcome(law, spent)
    if hard:
        note = "costs depend on the answer: N is fixed so that N traces surely fit"
        counts = budgets // np.where(problem.pmf > 0, costs, 0).max(-1)[:, None] + 0.0
        spent = counts * problem.mean_cost(costs)[:, None]
    else:
        counts = budgets / problem.mean_cost(costs)[:, None]
    whole = np.floor(counts)
    chance = np.zeros((*counts.shape, int(np.max(whole)) + 2))
    place = whole.astype(np.int64)[..., None]
    np.put_along_axis(chance, place, (1.0 - (counts - whole))[..., None], -1)
    np.put_along_axis(chance, place + 1, (counts - whole)[..., None], -1)
    # One vote serves all budgets: the cases are the budgets.
    winners = vote_over(votes, np.moveaxis(chance, 1, 2))
    within = joint / np.where(mass > 0, mass, 1.0)[:, None]
    return Outcome(np.einsum("maq,msa->mqs", winners, within), spent, note)


def _says_nothing(problem: SearchProblem, costs: Whole) -> bool:
    """Whether costs are independent of answers at every problem."""
    for p, c, given in zip(problem.pmf, costs, problem.answers, strict=True):
        _, place = np.unique(c, return_inverse=True)
        joint = np.stack([binned(place, p * given[:, a]) for a in range(given.shape[-1])])
        apart = joint.sum(1)[:, None] * joint.sum(0)
        if not np.allclose(joint, apart, rtol=1e-9, atol=1e-13):
            return False
    return True


def _rejection(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem, config = setup.written_by(policy), setup.config
    costs = _verified(setup, problem)
    accept = accepting(problem.solved, config.true_positive, config.false_positive)
    if hard:
        found = capped_until_accepted(problem.pmf, accept, costs, budgets)
        return problem, Outcome(found.law, found.spent)
    mean = problem.mean_cost(costs)
    # The number of tries at which so many tokens are spent on average, between two whole ones.
    a = (problem.pmf * accept).sum(-1)[:, None]
    goal = budgets / mean[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        endless = goal * a >= 1.0
        tries = np.where(a < 1, np.log1p(-np.where(endless, 0.0, goal * a)) / np.log1p(-a), 0.0)
        whole = np.floor(np.where(a > 0, tries, goal) + 1e-12)
    fewer = until_accepted(problem.pmf[:, None], accept[:, None], whole)
    more = until_accepted(problem.pmf[:, None], accept[:, None], whole + 1.0)
    gain = more.spent - fewer.spent
    share = np.where(gain > 0, (goal - fewer.spent) / np.where(gain > 0, gain, 1.0), 1.0)
    share = np.clip(share, 0.0, 1.0)[..., None]
    law = (1.0 - share) * fewer.law + share * more.law
    always = (problem.pmf * accept)[:, None] / np.where(a > 0, a, 1.0)[..., None]
    law = np.where(endless[..., None], always, law)
    spent = np.where(endless, 1.0 / np.where(a > 0, a, 1.0), goal) * mean[:, None]
    return problem, Outcome(law, spent)


def _by_tries(laws: Floats, tokens: Floats, budgets: Whole) -> tuple[Floats, Floats]:
    """Between two numbers of tries, so that the budget is spent on average: [Q, S] and [Q]."""
    spent = np.minimum(budgets, tokens[-1]).astype(float)
    high = np.clip(np.searchsorted(tokens, spent, side="left"), 1, len(tokens) - 1)
    gap = tokens[high] - tokens[high - 1]
    share = np.where(gap > 0, (spent - tokens[high - 1]) / np.where(gap > 0, gap, 1.0), 1.0)
    share = np.clip(share, 0.0, 1.0)
    law = (1.0 - share)[:, None] * laws[high - 1] + share[:, None] * laws[high]
    return law, spent


def _revision(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem, config = setup.written_by(policy), setup.config
    costs = _verified(setup, problem)
    # Unless the model has answers of its own the first is the right one, likely or not.
    first = np.broadcast_to(np.arange(problem.answers.shape[-1]) == 0, problem.right.shape)
    right = problem.right if problem.given else first
    accepts = accepting(right, config.true_positive, config.false_positive)
    laws, spent = [], []
    for p, given, accept, c in zip(problem.pmf, problem.answers, accepts, costs, strict=True):
        if hard:
            law, used = capped_revision(p, given, accept, c, budgets)
        else:
            law, used = _by_tries(*revision_by_tries(p, given, accept, c.astype(float)), budgets)
        laws.append(law)
        spent.append(used)
    return problem, Outcome(np.stack(laws), np.stack(spent))


def _correction(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    problem = setup.written_by(policy)
    costs, judge = _verified(setup, problem), setup.config.self_verifier()
    laws, spent = [], []
    for p, solved, c in zip(problem.pmf, problem.solved, costs, strict=True):
        if hard:
            law, used = capped_correction(p, solved, judge, c, budgets)
        else:
            rounds = int(np.max(budgets) // np.min(c)) + 1
            by_round, tokens = correction_by_rounds(p, solved, judge, c.astype(float), rounds)
            # With no trace at all nothing is returned and nothing spent.
            by_round = np.concatenate([np.zeros((1, len(p))), by_round])
            law, used = _by_tries(by_round, np.append(0.0, tokens), budgets)
        laws.append(law)
        spent.append(used)
    return problem, Outcome(np.stack(laws), np.stack(spent))


def _allocation(
    setup: Setup, policy: str, budgets: Whole, hard: bool
) -> tuple[SearchProblem, Outcome]:
    """Best-of-N by the true return, with each problem's share of the budget chosen for accuracy."""
    problem = setup.written_by(policy)
    costs = _verified(setup, problem)
    law = by_score(problem.returns)
    limit = ALLOCATION_LIMIT * int(np.max(budgets))
    mean = problem.mean_cost(costs)
    if hard:
        step = max(1, problem.horizon // _CAPS)
        caps = np.arange(0, limit + 1, step)
        tokens = [caps.astype(float)] * len(costs)
        values = [
            capped_pass(p, solved, c, caps)
            for p, solved, c in zip(problem.pmf, problem.solved, costs, strict=True)
        ]
    else:
        counts = [np.arange(0.0, limit // each + 2.0) for each in mean]
        tokens = [count * each for count, each in zip(counts, mean, strict=True)]
        values = [
            np.append(0.0, pass_at_n(success, count[1:]))
            for count, success in zip(counts, np.minimum(problem.success, 1.0), strict=True)
        ]
    corners = [concave_envelope(t, v) for t, v in zip(tokens, values, strict=True)]
    tokens = [t[corner] for t, corner in zip(tokens, corners, strict=True)]
    values = [v[corner] for v, corner in zip(values, corners, strict=True)]
    shares = [allocate(tokens, values, problem.prompt_mass, float(b)) for b in budgets]
    spent = np.stack([share.tokens for share in shares], axis=1)
    found = np.zeros((len(costs), len(budgets), problem.pmf.shape[-1]))
    for x in range(len(costs)):
        ends = np.array([[t.low[x], t.high[x]] for t in shares])
        between = np.array([t.share[x] for t in shares])[:, None]
        if hard:
            at = tokens[x][ends].astype(np.int64)
            laws = capped_select(
                problem.pmf[x : x + 1], costs[x : x + 1], law.at(x), at.reshape(-1)
            )[0].reshape(*at.shape, -1)
        else:
            count = np.round(tokens[x][ends] / mean[x])
            laws = select(problem.pmf[x], law.at(x), np.maximum(count, 1.0))
            laws = np.where(count[..., None] > 0, laws, 0.0)
        found[x] = (1.0 - between) * laws[:, 0] + between * laws[:, 1]
    note = (
        f"shared out over problems for accuracy, at most {ALLOCATION_LIMIT} times the budget each"
    )
    return problem, Outcome(found, spent, note)


def capped_pass(pmf: Floats, solved: Any, costs: Whole, caps: Whole) -> Floats:
    """Chance that a right trace is among those that fit, at each of many caps: [Q] (T10h)."""
    top = int(np.max(caps))
    prices, place = np.unique(costs, return_inverse=True)
    check_size(top, 1, len(prices))
    wrong = binned(place, np.where(solved, 0.0, pmf))[:, None]
    late = overshoot(binned(place, pmf), prices, top)[:, None]
    none = renew(late, wrong, prices)[:, 0]
    # Where costs leave the right traces unaffordable this is 0 but for rounding.
    return np.maximum(1.0 - none[caps], 0.0)


_ALL = (
    Strategy("single", "one trace, cut off at the budget", _single),
    Strategy("majority", "the answer that most traces give", _majority),
    Strategy("weighted", "the answer with most acceptances by the several verifiers", _weighted),
    Strategy("oracle", "best-of-N by the true return", _oracle),
    Strategy("learned", "best-of-N by the verifier learned from n labelled traces", _learned),
    Strategy("noisy", "best-of-N by a Gaussian score of the given AUC", _noisy),
    Strategy("roc", "best-of-N by a score of the given ROC curve", _roc),
    Strategy("verdict", "best-of-N by one verdict with true and false positive rates", _verdict),
    Strategy("several", "best-of-N by several verdicts combined", _several),
    Strategy("correlated", "best-of-N by verdicts that some wrong answers pass", _correlated),
    Strategy("rejection", "drawing until a verdict accepts", _rejection),
    Strategy("revision", "as rejection, never repeating a rejected answer", _revision),
    Strategy("correction", "self-verification, rewriting what is rejected", _correction),
    Strategy("allocation", "best-of-N by the true return, more tokens where they gain most",
             _allocation),
)  # fmt: skip
STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in _ALL}


def parse(name: str) -> tuple[Strategy, str]:
    """Return the strategy and the policy of a name such as `oracle` or `oracle@finetuned`.

    Raises
    ------
    InputError
        If either is unknown, or a clone is searched with.
    """
    kind, at, policy = name.partition("@")
    strategy = STRATEGIES[validate.choice("strategy", kind, STRATEGIES)]
    policy = validate.choice("policy", policy, POLICIES) if at else "base"
    if policy == "cloned" and kind != "single":
        raise InputError(
            f"strategy {shown(name)}: a clone is a random policy of which only the mean is exact, "
            "so it writes single traces only; use single@cloned, or @expert for an infinite sample"
        )
    return strategy, policy
