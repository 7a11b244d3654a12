"""What a sweep runs: a frozen dataclass that rejects what it does not know."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from antiscale.core import validate
from antiscale.core.config import FromMapping, writable
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.models.families import parameters_of, settled

SCHEMA = "antiscale.sweep/1"

FORMS = ("best", "two_point", "many_point", "blocks")
EXPERTS = ("optimal", "base", "hard")

VARIED = ("H", "n", "noise")

# Flip probabilities of a sweep over noise: this many steps up from zero.
NOISE_STEPS = 6

# Traces for each side; counts are exact far beyond.
MOST_SAMPLES = 1e15

# The first horizon of a sweep; it doubles from there.
SMALLEST = 16


class Place(NamedTuple):
    """Where a cell of a sweep stands: horizon (tokens), samples per side, flip probability."""

    horizon: int
    n: int
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SweepConfig(FromMapping):
    """Configuration of a sweep over horizons, or over sample sizes.

    Parameters
    ----------
    horizon
        The largest test-time budget H, in tokens: the sweep runs H = 16, 32, ... up to it.
    family
        Family of trace models; `antiscale family --help` lists them.
    parameters
        The family's own parameters, by name.
    prompts, styles
        Shorthands for the family's parameters of that name.
    reward_class
        calR: mirror, styles, tabular, explicit or known. Default: the family's own.
    class_parameters
        The reward class's own parameters, by name (explicit: hitting_times, mirrors).
    expert
        Whose traces are cloned: optimal (pibar_kappa of the true reward), base, or hard (drawn
        afresh per prompt and replicate from the prior under which T4 is a Bayes bound).
    form
        Which form of T4 is reported (and whose prior `hard` draws from): best, two_point (T4a),
        many_point (T4c) or blocks (T4b).
    learner
        Learners by name, or `module:name`; at most one per side. Defaults: sft and simple.
    kappa
        Radius of the chi-square ball, per prompt, without factor 1/2.
    samples_per_token
        n = samples_per_token * H.
    samples
        Fixes n instead (with vary = "n": the largest n).
    noise
        Probability in [0, 1/2) that a label's verdict is reversed.
    vary
        "H" grows the horizon; "n" keeps H and grows n, doubling; "noise" keeps both and raises
        the flip probability from 0 to `noise`.
    repeats
        Replicates, at least 2.
    rewards
        How many rewards per prompt are stated where calR_x has more than 1024 members.
    c0
        Anti-concentration that a stated reward must reach; default: what the true reward and its
        mirror (where the class holds it) both reach.
    quantile
        q of the reported quantile of the loss at the true reward.
    exact
        Whether to compute each risk without sampling as well, where that is possible.
    seed
        Seed of all randomness.
    """

    horizon: int = 4096
    family: str = "heterogeneous"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    prompts: int | None = None
    styles: int | None = None
    reward_class: str | None = None
    class_parameters: Mapping[str, Any] = field(default_factory=dict)
    expert: str = "optimal"
    form: str = "best"
    learner: tuple[str, ...] = ()
    kappa: float = 0.25
    samples_per_token: float = 32.0
    samples: int | None = None
    noise: float = 0.0
    vary: str = "H"
    repeats: int = 200
    rewards: int = 50
    c0: float | None = None
    quantile: float = 0.9
    exact: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        put("horizon", validate.integer("horizon", self.horizon, least=1, most=2**40))
        for name in ("parameters", "class_parameters"):
            put(name, validate.table(name, getattr(self, name)))
        for name in ("prompts", "styles"):
            if getattr(self, name) is not None:
                put(name, validate.integer(name, getattr(self, name), least=1))
        for name, allowed in (("expert", EXPERTS), ("form", FORMS), ("vary", VARIED)):
            put(name, validate.choice(name, getattr(self, name), allowed))
        # Which names there are is for the registries to say.
        validate.name("family", self.family)
        if self.reward_class is not None:
            validate.name("reward_class", self.reward_class)
        learner: Any = self.learner
        learner = (learner,) if isinstance(learner, str) else learner
        if not isinstance(learner, list | tuple) or not all(
            isinstance(name, str) for name in learner
        ):
            raise InputError(f"learner must be a name or a list of names; got {shown(learner)}")
        put("learner", tuple(learner))
        kappa = validate.real("kappa", self.kappa)
        if kappa < 0:
            raise InputError(
                f"kappa must be >= 0 (the radius of the chi-square ball); got {kappa:g}"
            )
        put("kappa", kappa)
        per_token = validate.real("samples_per_token", self.samples_per_token)
        if per_token <= 0:
            raise InputError(f"samples_per_token must be > 0; got {per_token:g}")
        put("samples_per_token", per_token)
        if self.samples is None and per_token * self.horizon > MOST_SAMPLES:
            raise InputError(
                f"samples_per_token * horizon = {per_token * self.horizon:g} traces are more than "
                f"{MOST_SAMPLES:g}; lower --samples-per-token"
            )
        if self.samples is not None:
            put("samples", validate.integer("samples", self.samples, least=1, most=10**15))
        noise = validate.real("noise", self.noise)
        if not 0 <= noise < 0.5:
            raise InputError(f"noise must lie in [0, 0.5); got {noise:g}")
        if self.vary == "noise" and noise == 0:
            raise InputError("vary = 'noise' raises the flip probability up to noise; give noise")
        put("noise", noise)
        validate.boolean("exact", self.exact)
        put("repeats", validate.integer("repeats", self.repeats, least=2, most=10**6))
        put("rewards", validate.integer("rewards", self.rewards, least=2, most=10**5))
        if self.c0 is not None:
            validate.probability("c0", validate.real("c0", self.c0))
            put("c0", float(self.c0))
        validate.probability(
            "quantile", validate.real("quantile", self.quantile), allow_zero=False, allow_one=False
        )
        put("seed", validate.integer("seed", self.seed, least=0, most=2**63 - 1))

    def family_parameters(self) -> dict[str, Any]:
        """Return the family's parameters: its defaults, the shorthands and those given.

        Raises
        ------
        InputError
            If the family is unknown, or a parameter is given twice.
        """
        merged = parameters_of(self.family) | dict(self.parameters)
        for name in ("prompts", "styles"):
            value = getattr(self, name)
            if value is None:
                continue
            if name in self.parameters:
                raise InputError(f"{name} is given twice: as {name} and in parameters")
            merged[name] = value
        return settled(self.family, merged)

    def cells(self) -> list[Place]:
        """Return the places (H, n, noise) of the sweep, in order."""
        largest = self.samples_at(self.horizon)
        if self.vary == "n":
            smallest = min(largest, self.samples_at(SMALLEST) if self.samples is None else 16)
            return [Place(self.horizon, n, self.noise) for n in _doubling(smallest, largest)]
        if self.vary == "noise":
            steps = range(NOISE_STEPS + 1)
            return [Place(self.horizon, largest, self.noise * i / NOISE_STEPS) for i in steps]
        horizons = _doubling(min(SMALLEST, self.horizon), self.horizon)
        return [Place(h, self.samples_at(h), self.noise) for h in horizons]

    def samples_at(self, horizon: int) -> int:
        """Return n(H), the budget rule: traces for each side at `horizon`."""
        if self.samples is not None:
            return self.samples
        return max(1, round(self.samples_per_token * horizon))

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values, for JSON and TOML."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return plain | {
            "parameters": writable(self.parameters),
            "class_parameters": writable(self.class_parameters),
            "learner": list(self.learner),
        }


def _doubling(first: int, last: int) -> list[int]:
    """First, 2 first, 4 first, ... and `last`, whatever it is."""
    steps = int(math.log2(last / first) + 1e-9)
    values = [first * 2**k for k in range(steps + 1)]
    return values if values[-1] == last else [*values, last]
