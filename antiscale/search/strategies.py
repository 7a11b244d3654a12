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
from antiscale.search.laws.hard_cap import capped_pass, capped_select
from antiscale.search.laws.passes import pass_at_n
from antiscale.search.laws.pessimism import accepting_for
from antiscale.search.laws.rejection import capped_until_accepted, until_accepted
from antiscale.search.laws.renewal import Whole, binned, traces_that_fit
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
        """What is learned from n labelled traces."""
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


@dataclass(frozen=True, eq=False)
class Search:
    """One strategy's task: the configuration, the policy that writes, and the budgets."""

    setup: Setup
    policy: str
    problem: SearchProblem

    @property
    def config(self) -> SearchConfig:
        """The configuration."""
        return self.setup.config

    @cached_property
    def budgets(self) -> Whole:
        """Whole tokens, [Q]."""
        return np.array(self.config.budgets, dtype=np.int64)

    @property
    def hard(self) -> bool:
        """Whether no run may spend more than the budget; else it is spent on average."""
        return self.config.budget_kind == "hard"

    def verified(self, verdicts: int = 1) -> Whole:
        """Cost of each type with its verdicts, [m, S]."""
        return self.problem.costs + verdicts * self.config.verifier_tokens


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a strategy returns and spends: Q budgets, m problems.

    Attributes
    ----------
    problem
        The problems, with the policy that wrote.
    law : [m, Q, S]
        Law of the type that is returned; what is missing returned nothing.
    spent : [m, Q]
        Mean tokens.
    note
        What is particular about this curve, if anything.
    """

    problem: SearchProblem
    law: Floats
    spent: Floats
    note: str | None = None


Run = Callable[[Search], Outcome]


@dataclass(frozen=True)
class Strategy:
    """A named strategy: one line on what it does, and how it is computed."""

    name: str
    summary: str
    run: Run


STRATEGIES: dict[str, Strategy] = {}


def strategy(name: str, summary: str) -> Callable[[Run], Run]:
    """List a function as the strategy of this name."""

    def listed(run: Run) -> Run:
        STRATEGIES[name] = Strategy(name, summary, run)
        return run

    return listed


@strategy("single", "one trace, cut off at the budget")
def _single(search: Search) -> Outcome:
    pmf, costs = search.problem.pmf[:, None], search.problem.costs[:, None, :]
    budgets = search.budgets[:, None]
    spent = (pmf * np.minimum(costs, budgets)).sum(-1)
    return Outcome(search.problem, pmf * (costs <= budgets), spent)


@strategy("majority", "the answer that most traces give")
def _majority(search: Search) -> Outcome:
    q, voting = search.problem.answer_mass, search.problem.voting
    return _voted(search, np.stack([q * ~voting, q * voting], axis=-1), search.problem.costs)


@strategy("weighted", "the answer with most acceptances by the several verifiers")
def _weighted(search: Search) -> Outcome:
    problem = search.problem
    true, false = np.array(search.config.verifiers).T
    right, wrong = verdict_levels(true, false, "vote")
    accepts = np.where(problem.solved[..., None], right, wrong)
    votes = np.einsum("ms,msa,msw->maw", problem.pmf, problem.answers, accepts)
    # A trace without an answer has no vote.
    silent = votes[:, ~problem.voting].sum(-1)
    votes[:, ~problem.voting] = 0.0
    votes[:, ~problem.voting, 0] = silent
    return _voted(search, votes, search.verified(len(true)))


@strategy("oracle", "best-of-N by the true return")
def _oracle(search: Search) -> Outcome:
    return _best(search, by_score(search.problem.returns))


@strategy("learned", "best-of-N by the verifier learned from n labelled traces")
def _learned(search: Search) -> Outcome:
    problem, law = search.setup.taught(search.policy)
    return _best(replace(search, problem=problem), law)


@strategy("noisy", "best-of-N by a Gaussian score of the given AUC")
def _noisy(search: Search) -> Outcome:
    spacing = {"spacing": _COARSE} if search.hard else {}
    return _best(search, gaussian(search.problem.solved, search.config.auc, **spacing))


@strategy("roc", "best-of-N by a score of the given ROC curve")
def _roc(search: Search) -> Outcome:
    return _best(search, roc(search.problem.solved, *np.array(search.config.roc).T))


@strategy("verdict", "best-of-N by one verdict with true and false positive rates")
def _verdict(search: Search) -> Outcome:
    config = search.config
    law = rates(search.problem.solved, config.true_positive, config.false_positive)
    return _best(search, law)


@strategy("several", "best-of-N by several verdicts combined")
def _several(search: Search) -> Outcome:
    true, false = np.array(search.config.verifiers).T
    law = several(search.problem.solved, true, false, search.config.combine)
    return _best(search, law, verdicts=len(true))


@strategy("correlated", "best-of-N by verdicts that some wrong answers pass")
def _correlated(search: Search) -> Outcome:
    return _best(search, _passes(search), verdicts=search.config.passes)


@strategy("pessimism", "drawing from the ball's best policy for the share of passes that accept")
def _pessimism(search: Search) -> Outcome:
    """Best-of-N's rival on the score of `correlated`: T10n's pi_s, by rejection."""
    problem, config = search.problem, search.config
    law, costs = _passes(search), search.verified(config.passes)
    levels = np.linspace(0.0, 1.0, law.mass.shape[-2])
    # It sees the scores that this problem's traces get in this state, and no types.
    seen = np.einsum("ms,mkls->mkl", problem.pmf, law.mass)
    seen = seen / seen.sum(-1, keepdims=True)
    accept = accepting_for(seen, levels, config.kappa)
    by_type = np.minimum(np.einsum("mkl,mkls->kms", accept, law.mass), 1.0)
    states = [_until_accepted(search, each, costs) for each in by_type]
    weights = law.weight.T
    found = sum(w[:, None, None] * each[0] for w, each in zip(weights, states, strict=True))
    spent = sum(w[:, None] * each[1] for w, each in zip(weights, states, strict=True))
    return Outcome(problem, np.asarray(found), np.asarray(spent))


def _passes(search: Search) -> ScoreLaw:
    """The score of `correlated`: how many of several passes accept a trace."""
    problem, config = search.problem, search.config
    answers = problem.answers
    if problem.given:
        right = answers * problem.right[:, None]
        answers = np.concatenate([right.sum(-1, keepdims=True), answers - right], axis=-1)
    return correlated(
        problem.solved, answers, config.true_positive, config.false_positive,
        config.correlation, passes=config.passes,
    )  # fmt: skip


@strategy("rejection", "drawing until a verdict accepts")
def _rejection(search: Search) -> Outcome:
    problem, config = search.problem, search.config
    accept = accepting(problem.solved, config.true_positive, config.false_positive)
    return Outcome(problem, *_until_accepted(search, accept, search.verified()))


def _until_accepted(search: Search, accept: Floats, costs: Whole) -> tuple[Floats, Floats]:
    """Drawing until a trace is accepted, within the budgets: the law [m, Q, S], tokens [m, Q]."""
    problem = search.problem
    if search.hard:
        return capped_until_accepted(problem.pmf, accept, costs, search.budgets)
    mean = problem.mean_cost(costs)
    # The number of tries at which so many tokens are spent on average, between two whole ones.
    a = (problem.pmf * accept).sum(-1)[:, None]
    goal = search.budgets / mean[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        endless = goal * a >= 1.0
        tries = np.where(a < 1, np.log1p(-np.where(endless, 0.0, goal * a)) / np.log1p(-a), 0.0)
        whole = np.floor(np.where(a > 0, tries, goal) + 1e-12)
    fewer = until_accepted(problem.pmf[:, None], accept[:, None], whole)
    more = until_accepted(problem.pmf[:, None], accept[:, None], whole + 1.0)
    share = _share(goal, fewer.spent, more.spent)[..., None]
    law = (1.0 - share) * fewer.law + share * more.law
    always = (problem.pmf * accept)[:, None] / np.where(a > 0, a, 1.0)[..., None]
    law = np.where(endless[..., None], always, law)
    spent = np.where(endless, 1.0 / np.where(a > 0, a, 1.0), goal) * mean[:, None]
    return law, spent


@strategy("revision", "as rejection, never repeating a rejected answer")
def _revision(search: Search) -> Outcome:
    problem, config = search.problem, search.config
    # Unless the model has answers of its own the first is the right one, likely or not.
    first = np.broadcast_to(np.arange(problem.answers.shape[-1]) == 0, problem.right.shape)
    right = problem.right if problem.given else first
    accepts = accepting(right, config.true_positive, config.false_positive)

    def one(x: int, costs: Whole) -> tuple[Floats, Floats]:
        task = problem.pmf[x], problem.answers[x], accepts[x]
        if search.hard:
            return capped_revision(*task, costs, search.budgets)
        return _by_tries(*revision_by_tries(*task, costs.astype(float)), search.budgets)

    return _each(search, one)


@strategy("correction", "self-verification, rewriting what is rejected")
def _correction(search: Search) -> Outcome:
    problem, budgets, judge = search.problem, search.budgets, search.config.self_verifier()

    def one(x: int, costs: Whole) -> tuple[Floats, Floats]:
        task = problem.pmf[x], problem.solved[x], judge
        if search.hard:
            return capped_correction(*task, costs, budgets)
        rounds = int(np.max(budgets) // np.min(costs)) + 1
        laws, tokens = correction_by_rounds(*task, costs.astype(float), rounds)
        # With no trace at all nothing is returned and nothing spent.
        laws = np.concatenate([np.zeros((1, laws.shape[-1])), laws])
        return _by_tries(laws, np.append(0.0, tokens), budgets)

    return _each(search, one)


@strategy("allocation", "best-of-N by the true return, more tokens where they gain most")
def _allocation(search: Search) -> Outcome:
    """Best-of-N by the true return, with each problem's share of the budget chosen for accuracy."""
    problem, costs = search.problem, search.verified()
    law = by_score(problem.returns)
    limit = ALLOCATION_LIMIT * int(np.max(search.budgets))
    caps = np.arange(0, limit + 1, max(1, problem.horizon // _CAPS))
    mean, success = problem.mean_cost(costs), np.minimum(problem.success, 1.0)
    tokens, values = [], []
    for x, each in enumerate(mean):
        if search.hard:
            options = caps.astype(float)
            worth = capped_pass(problem.pmf[x], problem.solved[x], costs[x], caps)
        else:
            counts = np.arange(0.0, limit // each + 2.0)
            options = counts * each
            worth = np.append(0.0, pass_at_n(success[x], counts[1:]))
        corner = concave_envelope(options, worth)
        tokens.append(options[corner])
        values.append(worth[corner])
    shares = [allocate(tokens, values, problem.prompt_mass, float(b)) for b in search.budgets]
    found = np.zeros((len(costs), len(shares), problem.pmf.shape[-1]))
    for x in range(len(costs)):
        ends = np.array([[t.low[x], t.high[x]] for t in shares])
        between = np.array([t.share[x] for t in shares])[:, None]
        if search.hard:
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
    return Outcome(problem, found, np.stack([share.tokens for share in shares], axis=1), note)


def _best(search: Search, law: ScoreLaw, verdicts: int = 1) -> Outcome:
    """Best-of-N by a verifier, N chosen by the budget."""
    problem, costs = search.problem, search.verified(verdicts)
    if search.hard:
        found = capped_select(problem.pmf, costs, law, search.budgets)
    else:
        counts = search.budgets / problem.mean_cost(costs)[:, None]
        each = [select_on_average(problem.pmf, law, count) for count in counts.T]
        found = np.stack(each, axis=1)
    return Outcome(problem, found, _all(search))


def _all(search: Search) -> Floats:
    """The whole budget, spent at every problem: [m, Q]."""
    shape = len(search.problem.pmf), len(search.budgets)
    return np.broadcast_to(search.budgets.astype(float), shape)


def _each(search: Search, one: Callable[[int, Whole], tuple[Floats, Floats]]) -> Outcome:
    """Problem by problem: `one` gives the law [Q, S] and the tokens spent [Q]."""
    found = [one(x, costs) for x, costs in enumerate(search.verified())]
    laws, spent = zip(*found, strict=True)
    return Outcome(search.problem, np.stack(laws), np.stack(spent))


def _by_tries(laws: Floats, tokens: Floats, budgets: Whole) -> tuple[Floats, Floats]:
    """Between two numbers of tries, so that the budget is spent on average: [Q, S] and [Q]."""
    spent = np.minimum(budgets, tokens[-1]).astype(float)
    high = np.clip(np.searchsorted(tokens, spent, side="left"), 1, len(tokens) - 1)
    share = _share(spent, tokens[high - 1], tokens[high])[:, None]
    return (1.0 - share) * laws[high - 1] + share * laws[high], spent


def _share(goal: Floats, low: Floats, high: Floats) -> Floats:
    """How far from `low` to `high` the goal lies, in [0, 1]; 1 where the two are equal."""
    gap = high - low
    return np.clip(np.where(gap > 0, (goal - low) / np.where(gap > 0, gap, 1.0), 1.0), 0.0, 1.0)


def _voted(search: Search, votes: Floats, costs: Whole) -> Outcome:
    """A vote among as many traces as the budget allows; a trace of the winning answer is taken."""
    problem, budgets = search.problem, search.budgets
    joint = problem.pmf[..., None] * problem.answers  # [m, S, A]
    # Without a vote nothing wins.
    joint[..., ~problem.voting] = 0.0
    mass = problem.answer_mass
    if search.hard and _says_nothing(problem, costs):
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
        return Outcome(problem, law, _all(search))
    mean, note, spent = problem.mean_cost(costs)[:, None], None, _all(search)
    if search.hard:
        note = "costs depend on the answer: N is fixed so that N traces surely fit"
        counts = budgets // np.where(problem.pmf > 0, costs, 0).max(-1)[:, None] + 0.0
        spent = counts * mean
    else:
        counts = budgets / mean
    whole = np.floor(counts)
    chance = np.zeros((*counts.shape, int(np.max(whole)) + 2))
    place = whole.astype(np.int64)[..., None]
    np.put_along_axis(chance, place, (1.0 - (counts - whole))[..., None], -1)
    np.put_along_axis(chance, place + 1, (counts - whole)[..., None], -1)
    # One vote serves all budgets: the cases are the budgets.
    winners = vote_over(votes, np.moveaxis(chance, 1, 2))
    within = joint / np.where(mass > 0, mass, 1.0)[:, None]
    return Outcome(problem, np.einsum("maq,msa->mqs", winners, within), spent, note)


def _says_nothing(problem: SearchProblem, costs: Whole) -> bool:
    """Whether costs are independent of answers at every problem."""
    for p, c, given in zip(problem.pmf, costs, problem.answers, strict=True):
        _, place = np.unique(c, return_inverse=True)
        joint = np.stack([binned(place, p * given[:, a]) for a in range(given.shape[-1])])
        apart = joint.sum(1)[:, None] * joint.sum(0)
        if not np.allclose(joint, apart, rtol=1e-9, atol=1e-13):
            return False
    return True


def parse(name: str) -> tuple[Strategy, str]:
    """Return the strategy and the policy of a name such as `oracle` or `oracle@finetuned`.

    Raises
    ------
    InputError
        If either is unknown, or a clone is searched with.
    """
    kind, at, policy = name.partition("@")
    chosen = STRATEGIES[validate.choice("strategy", kind, STRATEGIES)]
    policy = validate.choice("policy", policy, POLICIES) if at else "base"
    if policy == "cloned" and kind != "single":
        raise InputError(
            f"strategy {shown(name)}: a clone is a random policy of which only the mean is exact, "
            "so it writes single traces only; use single@cloned, or @expert for an infinite sample"
        )
    return chosen, policy
