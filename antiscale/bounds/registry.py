"""Every result of paper_bounds.md by its label: what it says, for whom, and the one function.

The sweep, the tables and `antiscale bounds` take their bounds from here; tests hold the labels to
those of the document and of the docstrings, and recompute each worked number.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.numbers import Toward
from antiscale.core.validate import shown

KINDS = ("identity", "exact", "tight", "valid")

# Which way a result bounds, and so which way its value is rounded; the others are equalities.
LOWER = frozenset(("T3b", "T4a", "T4b", "T4c", "T4d", "T4e", "T8a", "T8b", "T9"))
UPPER = frozenset((
    "T3a", "T3c", "T5a", "T5b", "T5c", "T6a", "T6b", "T6c", "T6d", "T7", "T7a", "T7b", "T7c",
    "T10a", "T10b", "T10d", "T10e", "T10i", "T10j",
))  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One labelled result.

    Attributes
    ----------
    label
        As in paper_bounds.md.
    name
        Two or three words.
    kind
        "identity" or "exact"; "tight" where the constant is attained in a stated limit, "valid"
        where it is never crossed but not claimed to be attained.
    learner
        Whom it speaks of.
    statement
        One line.
    origin
        "rate": the paper's rate with our constant and proof; "known": known before; "ours": we know
        of no earlier statement.
    unit
        Of the value.
    function
        "module:name" of the function that computes it.
    inputs
        Its arguments that the result needs, in order; all of them if empty.
    fixed
        Its arguments that the label fixes.
    part
        The field of what it returns, where that is more than one number.
    example
        Inputs of the worked number in paper_bounds.md.
    """

    label: str
    name: str
    kind: str
    learner: str
    statement: str
    origin: str
    unit: str
    function: str
    example: Mapping[str, Any]
    inputs: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    part: str | None = None

    @property
    def toward(self) -> Toward:
        """Which way its value is rounded so that it still holds."""
        return "down" if self.label in LOWER else "up" if self.label in UPPER else "nearest"

    def load(self) -> Callable[..., Any]:
        """Return the function; importing it may load JAX."""
        module, _, name = self.function.partition(":")
        found: Any = importlib.import_module(module)
        for step in name.split("."):
            found = getattr(found, step)
        return found

    @property
    def public_name(self) -> str:
        """The function's name as a user writes it."""
        module, _, name = self.function.partition(":")
        return f"{module}.{name}"

    def parameters(self) -> dict[str, Any]:
        """Its inputs with their defaults; `inspect.Parameter.empty` where there is none."""
        known = inspect.signature(self.load()).parameters
        names = self.inputs or tuple(name for name in known if name not in self.fixed)
        return {name: known[name].default for name in names}

    def __call__(self, **inputs: Any) -> Any:
        """Return the bound's value for these inputs, whatever their shapes."""
        value = self.load()(**inputs, **self.fixed)
        if self.part is None:
            return value
        return value[self.part] if isinstance(value, Mapping) else getattr(value, self.part)

    def evaluate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result at one place, with its inputs, as plain values.

        Parameters
        ----------
        given
            Inputs by name; those left out have the function's defaults.

        Raises
        ------
        InputError
            If an input is unknown or missing, or the function does not take its value.
        """
        allowed = self.parameters()
        for name in given:
            if name not in allowed:
                raise InputError(
                    f"{self.label} has no input {shown(name)}"
                    f"{validate.nearest(name, list(allowed))}"
                )
        inputs = {name: given.get(name, default) for name, default in allowed.items()}
        # What a label names as its input it needs, though its function may do without.
        needed = [inspect.Parameter.empty] if not self.inputs else [inspect.Parameter.empty, None]
        missing = [name for name, value in inputs.items() if any(value is x for x in needed)]
        if missing:
            raise InputError(
                f"{self.label} needs {', '.join(missing)}; pass "
                + " ".join(f"--set {name}=..." for name in missing)
            )
        try:
            value = self(**inputs)
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{self.label} cannot be computed from these: {error}") from None
        return {
            "label": self.label,
            "name": self.name,
            "kind": self.kind,
            "statement": self.statement,
            "unit": self.unit,
            "function": self.public_name,
            "inputs": {name: plain(item) for name, item in inputs.items()},
            "value": plain(value),
        }


def plain(value: Any) -> Any:
    """Arrays and tuples with names as numbers, lists and tables."""
    if hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    return value


_FAIR = {"pmf": [0.5, 0.5], "returns": [0, 100]}
_ANY = "any VF learner"

_RESULTS = (
    Result(
        "T1", "heterogeneity", "identity", "the base policy",
        "sum over tokens of the variance of Q under pi_b = Var(R)",
        "known", "tokens", "antiscale:heterogeneity",
        {"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100]},
    ),
    Result(
        "T2", "the ball's optimum", "exact", "the comparator",
        "V_kappa = mu_A + s_A sqrt(p_A (1 + kappa) - 1) <= J + sigma sqrt(kappa)",
        "known", "tokens", "antiscale:chi2_ball_optimum",
        {"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100], "kappa": 0.25},
        inputs=("pmf", "returns", "kappa"), part="value",
    ),
    Result(
        "T3a", "Cantelli", "tight", "the base policy",
        "c_x(eps) <= 1/(1 + eps)",
        "known", "probability", "antiscale.bounds:cantelli", {"eps": 0.25},
    ),
    Result(
        "T3b", "above the mean", "tight", "the base policy",
        "P(R > J) >= (E|R-J|)^2 / (4 E(R-J)_+^2)",
        "known", "probability", "antiscale.bounds:above_mean",
        {"pmf": [0.5, 0.3, 0.2], "returns": [0, 60, 100]},
    ),
    Result(
        "T3c", "Erdős-Littlewood-Offord", "tight", "the base policy",
        "no window of one step holds more than C(k, k/2) 2^-k of a sum of k fair bits",
        "known", "probability", "antiscale.bounds:window_mass", {"steps": 8},
    ),
    Result(
        "T3d", "conditioning", "exact", "the base policy",
        "pi_b given {R >= V_kappa} has density ratio <= 1/ct_0 and value >= V_kappa",
        "ours", "ratio", "antiscale.bounds:conditioned_ratio", {"coverage": 0.2},
    ),
    Result(
        "T4a", "two points", "valid", _ANY,
        "worst expert loses >= sum_x rho sup_eps eps sigma [1 - sqrt(1 - BC^2)]",
        "rate", "tokens", "antiscale.bounds:vf_lower", {**_FAIR, "n": 1000, "kappa": 0.25},
        fixed={"form": "two_point"},
    ),
    Result(
        "T4b", "blocks", "valid", _ANY,
        "the same over pairs of styles: grows as sqrt(B/n)",
        "ours", "tokens", "antiscale.bounds:vf_lower_blocks",
        {"style_mass": [0.25] * 4, "style_return": [100] * 4, "n": 1000, "kappa": 0.25},
        fixed={"form": "two_point"},
    ),
    Result(
        "T4c", "many points", "tight", _ANY,
        "worst expert loses >= sum_x rho sigma (D/2) sum_j sum_i [1 - TV(i, i+j)]/(K+1)",
        "rate", "tokens", "antiscale.bounds:vf_lower", {**_FAIR, "n": 1000, "kappa": 0.25},
        fixed={"form": "many_point"},
    ),
    Result(
        "T4d", "blocks, many points", "valid", _ANY,
        "T4b with T4c's grid for each pair of styles",
        "ours", "tokens", "antiscale.bounds:vf_lower_blocks",
        {"style_mass": [0.25] * 4, "style_return": [100] * 4, "n": 1000, "kappa": 0.25},
        fixed={"form": "many_point"},
    ),
    Result(
        "T4e", "two points, in probability", "valid", _ANY,
        "with probability >= [1 - sqrt(1 - BC^2)]/2 one prompt's loss is >= eps sigma",
        "ours", "tokens", "antiscale.bounds:vf_lower_in_probability",
        {**_FAIR, "n": 1000, "kappa": 0.25, "chance": 0.1},
    ),
    Result(
        "T5a", "tabular cloning", "tight", "sft",
        "E sup_r loss <= sum_x rho (sigma_e E[n_x^(-1/2); n_x > 0] + |J_e - J_b| (1 - rho)^n)",
        "rate", "tokens", "antiscale.bounds:sft_upper", {"sigma_expert": 50, "n": 1000},
    ),
    Result(
        "T5b", "maximum likelihood", "valid", "mle",
        "|loss| <= 2 sqrt(2) sigma_e sqrt(L/n) + 2 H L/n, L = log(|Pi|/delta)",
        "known", "tokens", "antiscale.bounds:mle_upper",
        {"sigma_expert": 50, "horizon": 100, "n": 1000, "log_class_size": 10, "delta": 0.05},
    ),
    Result(
        "T5c", "tabular cloning, in probability", "valid", "sft",
        "T5a at the low quantile of n_x, plus H sqrt(log(2/delta) sum rho^2/n_x / 2)",
        "ours", "tokens", "antiscale.bounds:sft_upper_in_probability",
        {"sigma_expert": [50], "horizon": 100, "n": 1000, "delta": 0.05},
    ),
    Result(
        "T6a", "a verifier of a finite class", "valid", "any verifier",
        "E max P(R_r != R) <= (1 + log(K - 1))/n; log((K - 1)/delta)/n in probability",
        "rate", "probability", "antiscale.bounds:verifier_error",
        {"n": 1000, "log_class_size": 10, "uniform": True},
    ),
    Result(
        "T6b", "unseen blocks", "valid", "any verifier",
        "E max P(R_r != R) <= sum_x rho sum_b p_b (1 - rho p_b)^n <= m B/(e n)",
        "known", "probability", "antiscale.bounds:unseen_mass",
        {"style_mass": [0.5, 0.3, 0.2], "n": 10},
    ),
    Result(
        "T6c", "unseen blocks, noisy labels", "valid", "any verifier",
        "the same with n divided by 1/c, c = (sqrt(1 - eta) - sqrt(eta))^2, and a tolerance",
        "ours", "probability", "antiscale.bounds:noisy_unseen_mass",
        {"style_mass": [0.5, 0.3, 0.2], "n": 100, "noise": 0.1, "tolerance": 3},
    ),
    Result(
        "T6d", "unseen blocks, in probability", "valid", "any verifier",
        "unseen mass <= inf_t [log(1/delta) + sum log(1 + q (e^(t rho p) - 1))]/t",
        "known", "probability", "antiscale.bounds:unseen_mass_in_probability",
        {"style_mass": [0.5, 0.3, 0.2], "n": 10, "delta": 0.05},
    ),
    Result(
        "T7", "verification", "valid", "simple, wide",
        "the smallest of T7's bounds that the learner and the inputs allow",
        "rate", "tokens", "antiscale.bounds:vb_upper",
        {"horizon": 100, "error": 0.001, "kappa": 0.25, "sigma": 50, "max_ratio": 1.5},
    ),
    Result(
        "T7a", "verification, slow rate", "valid", "simple, wide",
        "H (e + sqrt(kappa e))",
        "rate", "tokens", "antiscale.bounds:vb_upper_terms",
        {"horizon": 100, "error": 0.001, "kappa": 0.25},
        inputs=("horizon", "error", "learner", "kappa", "failure"), part="T7a",
    ),
    Result(
        "T7b", "verification, fast rate", "valid", "simple, wide",
        "H W e, W the largest density ratio of the ball's optimum",
        "rate", "tokens", "antiscale.bounds:vb_upper_terms",
        {"horizon": 100, "error": 0.001, "max_ratio": 1.5},
        inputs=("horizon", "error", "learner", "max_ratio", "failure"), part="T7b",
    ),
    Result(
        "T7c", "verification without a ball", "valid", "wide",
        "H e/ct_0",
        "ours", "tokens", "antiscale.bounds:vb_upper_terms",
        {"horizon": 100, "error": 0.001, "coverage": 0.2},
        inputs=("horizon", "error", "coverage", "failure"), fixed={"learner": "wide"}, part="T7c",
    ),
    Result(
        "T8a", "verification, fast rate is needed", "valid", "any in Pi_kappa",
        "regret >= sqrt(kappa)(H/4)[(d/n)(1 - 1/n)^(n+1) - 3d^2/n^4]",
        "ours", "tokens", "antiscale.bounds:vb_lower_fast",
        {"horizon": 1000, "n": 1000, "light": 4, "kappa": 0.25},
    ),
    Result(
        "T8b", "verification, slow rate is needed", "valid", "any in Pi_kappa",
        "regret >= H sqrt(kappa X/8)[sqrt(1-X)(1-1/(2d)) - sqrt(1-(1-c/n)^n) - sqrt(X/(2 kappa))]",
        "ours", "tokens", "antiscale.bounds:vb_lower_slow",
        {"horizon": 1000, "n": 1000000, "light": 100, "kappa": 0.25},
    ),
    Result(
        "T9", "the certified gap", "valid", "any VF against one VB",
        "VF loss - VB loss >= T4 - T7 over the same rewards",
        "rate", "tokens", "antiscale.bounds:certified_gap", {"vf_lower": 6.01, "vb_upper": 0.808},
    ),
    Result(
        "T10a", "best-of-N, KL", "tight", "best-of-N",
        "KL(best-of-N || pi_b) <= log N - (N - 1)/N",
        "known", "nats", "antiscale.bounds:best_of_n_kl", {"n": 16},
    ),
    Result(
        "T10b", "best-of-N, chi-square", "tight", "best-of-N",
        "chi2(best-of-N || pi_b) <= (N - 1)^2/(2N - 1)",
        "known", "ratio", "antiscale.bounds:best_of_n_chi2", {"n": 16},
    ),
    Result(
        "T10c", "best-of-N, tries", "exact", "best-of-N",
        "log(1/delta)/(-log(1 - c)) <= log(1/delta)/c tries reach an event of mass c",
        "known", "tries", "antiscale.bounds:tries_needed", {"coverage": 0.25, "delta": 0.05},
    ),
    Result(
        "T10d", "best-of-N, a wrong verifier", "tight", "best-of-N",
        "loss to best-of-N by the true return <= H [1 - (1 - e)^N] <= H N e",
        "ours", "tokens", "antiscale.bounds:wrong_verifier_loss",
        {"horizon": 100, "error": 0.001, "n": 16},
    ),
    Result(
        "T10e", "best-of-N, the learned verifier", "valid", "best_of_n",
        "loss to pibar_kappa <= min(H (e + sqrt(kappa e)), H W e) + H delta",
        "ours", "tokens", "antiscale.bounds:best_of_n_upper",
        {"horizon": 100, "error": 0.001, "delta": 0.0001, "kappa": 0.25, "max_ratio": 1.5},
    ),
    Result(
        "T10f", "best-of-N from the ROC curve", "exact", "best-of-N",
        "P(right) = 1 - N (1 - c) int_0^1 [1 - (1 - c) u - c g(u)]^(N - 1) du",
        "known", "probability", "antiscale.bounds:roc_accuracy",
        {"success": 0.25, "false_positive": [0.2], "true_positive": [0.9], "n": 16},
    ),
    Result(
        "T10g", "over-optimisation", "exact", "best-of-N",
        "accuracy falls for good iff D_1 < 0, the rise of purity below the rarest top level",
        "ours", "tries", "antiscale.bounds:turning_point",
        {"right": [0, 0.25, 0], "wrong": [0.7, 0, 0.05]},
    ),
    Result(
        "T10h", "best-of-N under a hard cap", "exact", "best-of-N",
        "P(j is returned) = p_j D_s(B - c_j), by two renewal recursions over tokens",
        "ours", "probability", "antiscale.search:capped_success",
        {"pmf": [0.25, 0.25, 0.5], "solved": [1, 0, 0], "costs": [3, 2, 5], "budget": 12},
    ),
    Result(
        "T10i", "majority vote", "valid", "majority vote",
        "P(another answer has as many votes) <= sum_b [1 - (sqrt q_0 - sqrt q_b)^2]^N",
        "known", "probability", "antiscale.bounds:vote_error",
        {"answers": [0.5, 0.3, 0.2], "n": 100},
    ),
    Result(
        "T10j", "allocation of a budget", "tight", "any allocation",
        "value <= min_p p B + sum_x rho max_i [v_xi - p t_xi]; greedy attains it",
        "known", "value", "antiscale.bounds:allocation_upper",
        {"tokens": [[0, 1, 2], [0, 1, 2]], "values": [[0, 0.5, 0.75], [0, 0.1, 0.19]],
         "budget": 1.5},
    ),
    Result(
        "T10k", "sequential revision", "exact", "revision",
        "P(right) = TPR sum_{k<N} g_k + (1 - TPR) g_{N-1} with M equal wrong answers",
        "ours", "probability", "antiscale.bounds:revision_accuracy",
        {"success": 0.25, "tries": 3, "wrong_answers": 4},
    ),
    Result(
        "T10l", "self-correction", "exact", "self-correction",
        "a round adds (1 - b) f P(wrong) - (1 - a) s P(right) of what still stands open",
        "ours", "probability", "antiscale.bounds:self_correction_accuracy",
        {"success": 0.25, "accept_right": 0.9, "accept_wrong": 0.4, "fix": 0.25, "spoil": 0.75,
         "rounds": 2},
    ),
    Result(
        "T10m", "pass@k", "exact", "any sampler",
        "E[1 - C(n - c, k)/C(n, k)] = 1 - (1 - p)^k",
        "known", "probability", "antiscale.search:pass_at_k",
        {"n_samples": 10, "n_correct": 3, "k": 4},
    ),
    Result(
        "T11", "planted subsequence", "exact", "the base policy",
        "P(T <= H) of a planted word, from the automaton of its progress",
        "known", "probability", "antiscale.models.chains:planted_success",
        {"target": [0, 1, 0], "vocabulary": 4, "skill": 0.5, "horizon": 16},
    ),
    Result(
        "T12", "misspecified cloning", "exact", "loglinear, npg",
        "cloning is worth h/2 for every n, verification in the same class h'",
        "ours", "tokens", "antiscale.bounds:misspecified_values",
        {"best": 240, "common": 239, "mass": 0.25},
    ),
)  # fmt: skip

RESULTS: dict[str, Result] = {result.label: result for result in _RESULTS}


def result(label: str) -> Result:
    """Return the result with this label.

    Raises
    ------
    InputError
        If there is none.
    """
    return RESULTS[validate.choice("label", label, RESULTS)]
