"""What a sweep runs: a frozen dataclass that rejects what it does not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.models.families import parameters_of, settled

SCHEMA = "antiscale.sweep/2"

FORMS = ("best", "two_point", "many_point", "blocks")
EXPERTS = ("optimal", "base", "hard")

VARIED = ("H", "n", "noise")

# Flip probabilities of a sweep over noise: this many steps up from zero.
NOISE_STEPS = 6

# Traces for each side; counts are exact far beyond.
MOST_SAMPLES = 1e15

# Below this share of the horizon a loss is rounding.
ROUNDING = 1e-9

# The first horizon of a sweep; it doubles from there.
SMALLEST = 16


class Place(NamedTuple):
    """The place of a cell in a sweep: horizon (tokens), samples per side, flip probability."""

    horizon: int
    n: int
    noise: float = 0.0


# Headings of `antiscale sweep --help`.
_CLASS, _DATA, _RUN = "Reward class", "Data and learners", "Sweep"


@dataclass(frozen=True, kw_only=True)
class SweepConfig(FromMapping):
    """Configuration of a sweep over horizons, or over sample sizes.

    Parameters
    ----------
    horizon
        Largest test-time budget H in tokens: runs 16, 32, ..., H.
    family
        Family of trace models: heterogeneous, homogeneous, sharp, erdos, lognormal, difficulty,
        two_point, geometric, planted, explicit; see `antiscale family`.
    parameters
        A parameter of the family, e.g. spread=0.5; repeatable.
    prompts
        Prompts m of the family. Default: the family's.
    styles
        Styles B of the family. Default: the family's.
    reward_class
        The class calR of rewards: mirror, styles, tabular, explicit, known. Default: the family's.
    class_parameters
        A parameter of the reward class, e.g. mirrors=false; repeatable.
    expert
        Whose traces are cloned: optimal (the ball's best policy for the true reward), base, or
        hard (drawn for each prompt and replicate from the prior under which T4 is a Bayes bound).
    form
        Form of the VF lower bound T4, and of the prior of hard experts: best, two_point (T4a),
        many_point (T4c), blocks (T4b).
    learner
        VF (cloning): sft, smoothed_sft, shrinkage, mle, bayes, loglinear. VB (verification):
        simple, binary, wide, plugin, rejection, weighted, by_value, kl, npg, best_of_n.
        Or module:name of your own; once per side. Default: sft, simple.
    kappa
        Radius of the chi-square ball, per prompt, without factor 1/2.
    samples_per_token
        n = X * H traces for each side.
    samples
        Fix n (with --vary n: the largest n).
    noise
        Probability ETA that a label's verdict is reversed, in [0, 0.5).
    vary
        H grows the horizon; n fixes H and grows n, doubling; noise raises ETA from 0.
    repeats
        Replicates, at least 2.
    rewards
        Stated rewards per prompt for classes over 1024.
    c0
        Anti-concentration that a stated reward must reach. Default: what the true reward r and its
        mirror (where the class holds it) both reach.
    quantile
        Quantile of the loss at the true reward.
    pass_at
        Numbers of tries k, e.g. 1,4,16: also pass@k at the true reward, of the base policy, the
        ball's optimum and both learners, and the first k at which a learner's is below the base's.
    exact
        Show risks computed without sampling too, where possible.
    seed
        Seed of all randomness.
    """

    horizon: int = option(4096, validate.integer, "H", least=1, most=2**40)
    # Which names there are is for the registries to say.
    family: str = option("heterogeneous", validate.name, "NAME")
    parameters: Mapping[str, Any] = option(dict, validate.table, "NAME=VALUE", flag="--set")
    prompts: int | None = option(None, validate.integer, "M", least=1)
    styles: int | None = option(None, validate.integer, "B", least=1)
    reward_class: str | None = option(None, validate.name, "NAME", group=_CLASS)
    class_parameters: Mapping[str, Any] = option(
        dict, validate.table, "NAME=VALUE", flag="--set-class", group=_CLASS
    )
    expert: str = option("optimal", validate.choice, "NAME", group=_DATA, allowed=EXPERTS)
    form: str = option("best", validate.choice, "NAME", group=_RUN, allowed=FORMS)
    learner: tuple[str, ...] = option((), validate.names, "NAME", group=_DATA)
    kappa: float = option(
        0.25, validate.real, "X", least=0, note="the radius of the chi-square ball"
    )
    samples_per_token: float = option(32.0, validate.real, "X", group=_DATA, above=0)
    samples: int | None = option(None, validate.integer, "N", group=_DATA, least=1, most=10**15)
    noise: float = option(0.0, validate.real, "ETA", group=_DATA, least=0, below=0.5)
    vary: str = option("H", validate.choice, "H|n|noise", group=_RUN, allowed=VARIED)
    repeats: int = option(200, validate.integer, "R", group=_RUN, least=2, most=10**6)
    rewards: int = option(50, validate.integer, "K", group=_CLASS, least=2, most=10**5)
    c0: float | None = option(None, validate.chance, "X", group=_CLASS)
    quantile: float = option(
        0.9, validate.chance, "Q", group=_RUN, allow_zero=False, allow_one=False
    )
    pass_at: tuple[int, ...] = option(
        (), validate.each, "K[,K...]", group=_RUN,
        of=validate.integer, least=1, most=10**9,
    )  # fmt: skip
    exact: bool = option(False, validate.boolean, group=_RUN)
    seed: int = option(0, validate.integer, "SEED", group=_RUN, least=0, most=2**63 - 1)

    def agree(self) -> None:
        """Refuse more traces than counts are exact for, and noise that varies up to none."""
        self._put("pass_at", tuple(validate.rising(self.pass_at)))
        traces = self.samples_per_token * self.horizon
        if self.samples is None and traces > MOST_SAMPLES:
            raise InputError(
                f"samples_per_token * horizon = {traces:g} traces are more than "
                f"{MOST_SAMPLES:g}; lower --samples-per-token"
            )
        if self.vary == "noise" and self.noise == 0:
            raise InputError("vary = 'noise' raises the flip probability up to noise; give noise")

    def family_parameters(self) -> dict[str, Any]:
        """Return the family's parameters: its defaults, the shorthands and those given.

        Raises
        ------
        InputError
            If the family is unknown, was a model given as an object, or a parameter is given twice.
        """
        if given_as_object(self.parameters):
            raise InputError(
                f"model {self.family!r} was given in Python, as an object, so its name does not "
                "bring it back; give it again: ac.sweep(model=...)"
            )
        merged = parameters_of(self.family) | dict(self.parameters)
        short = {"prompts": self.prompts, "styles": self.styles}
        short = {name: value for name, value in short.items() if value is not None}
        for name in short:
            if name in self.parameters:
                raise InputError(f"{name} is given twice: as {name} and in parameters")
        return settled(self.family, merged | short)

    def cells(self) -> list[Place]:
        """Return the places (H, n, noise) of the sweep, in order."""
        largest = self.samples_at(self.horizon)
        if self.vary == "n":
            smallest = min(largest, self.samples_at(SMALLEST) if self.samples is None else 16)
            return [Place(self.horizon, n, self.noise) for n in doubling(smallest, largest)]
        if self.vary == "noise":
            steps = range(NOISE_STEPS + 1)
            return [Place(self.horizon, largest, self.noise * i / NOISE_STEPS) for i in steps]
        horizons = doubling(min(SMALLEST, self.horizon), self.horizon)
        return [Place(h, self.samples_at(h), self.noise) for h in horizons]

    def samples_at(self, horizon: int) -> int:
        """Return n(H), the budget rule: traces for each side at `horizon`."""
        if self.samples is not None:
            return self.samples
        return max(1, round(self.samples_per_token * horizon))


def given_as_object(parameters: Mapping[str, Any]) -> bool:
    """Whether a family's parameters are the digest of a model that was given as an object."""
    return set(parameters) == {"sha256"}


def doubling(first: int, last: int) -> list[int]:
    """First, 2 first, 4 first, ... and `last`, whatever it is."""
    values = [first * 2**k for k in range((last // first).bit_length())]
    return values if values[-1] == last else [*values, last]
