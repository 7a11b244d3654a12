"""What `antiscale train` does: frozen dataclasses that reject what they do not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from antiscale.core import validate
from antiscale.core.config import FromMapping, fingerprint, option, writable
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.core.version import __version__
from antiscale.networks.environment import Environment
from antiscale.networks.environments import ENVIRONMENTS, load_environment
from antiscale.networks.training import Schedule

SCHEMA = "antiscale.train/1"
# Arms; `method` in a row is one of these, or base or expert.
METHODS = (
    "sft", "ball", "ball_true", "weighted", "rejection", "pg_learned", "pg_true", "best_of_n",
    "best_of_n_true", "best_of_n_clone", "optimal_path",
)  # fmt: skip
# Within the ball by construction, up to what the network fits; the others leave it.
IN_BALL = ("base", "expert", "sft", "ball", "ball_true", "weighted")
# Run at every place; the others where `secondary_at` says.
PRIMARY = ("sft", "ball", "best_of_n")


def _schedule(name: str, given: Any) -> Schedule:
    return Schedule.of(given)


def _methods(name: str, given: Any) -> tuple[str, ...]:
    names = validate.names(name, given, allowed=", ".join(METHODS), least=1)
    for each in names:
        validate.choice("method", each, METHODS)
    _differ(name, names)
    return names


def _differ(name: str, given: tuple[Any, ...]) -> None:
    """Refuse what is given twice."""
    twice = [each for each in given if given.count(each) > 1]
    if twice:
        raise InputError(f"{name} must differ; got {shown(twice[0])} more than once")


def _places(name: str, given: Any) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Horizons, each with its n: {16: [64, 256]} or pairs."""
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    allowed = f"{name} must be a table of horizons and their n, e.g. {{ 16 = [64, 256] }}"
    if not isinstance(pairs, list | tuple):
        raise InputError(f"{allowed}; got {shown(given)}")
    found = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise InputError(f"{allowed}; got {shown(given)}")
        key, sizes = pair
        if not isinstance(sizes, list | tuple) or not sizes:
            raise InputError(f"{allowed}; got {shown(given)}")
        # A table of TOML or JSON has text for its keys.
        if isinstance(key, str) and key.isdecimal():
            key = int(key)
        horizon = validate.integer("horizon", key, least=4, most=4096)
        n = validate.each("n", tuple(sizes), of=validate.integer, least=1, most=2**20)
        _differ("n", n)
        found.append((horizon, tuple(sorted(n))))
    if not found:
        raise InputError(f"{allowed}; got none")
    _differ("horizons", tuple(horizon for horizon, _ in found))
    return tuple(sorted(found))


@dataclass(frozen=True, kw_only=True)
class TrainConfig(FromMapping):
    """One study: an environment, a network, the arms, and where they are compared.

    Parameters
    ----------
    environment
        Its name: styles, planted, plain, arithmetic.
    parameters
        A parameter of the environment.
    places
        Horizons H, and the n traces at each.
    methods
        Arms beside base and expert, fixed before the run.
    spreads
        Further values of the environment's heterogeneity knob, each with bases of its own and
        compared at the largest horizon alone.
    secondary_at
        Horizons at which the arms beside sft, ball and best_of_n run too. Default: all.
    kappa
        Radius of the chi-square ball of the expert and of the arm `ball`.
    data_seeds, base_seeds
        Independent draws of data, and pretrained networks.
    seed
        Of everything drawn.
    width, layers, heads
        Of the transformer.
    pretrain
        Schedule of the base policy; the horizons take turns of ten steps.
    finetune
        Schedule of every arm that imitates, on both sides.
    verifier
        Schedule of the verifier.
    gradient
        Schedule of policy gradient; `batch` counts traces.
    group, beta
        Policy gradient: traces per prompt, weight of the KL to the base.
    tries
        N of best-of-N.
    fresh
        Unlabelled base traces per prompt that a verifier scores.
    law
        Traces per prompt and style behind the base's law, from which the expert is tilted.
    evaluation
        Traces per prompt and style behind each arm's J.
    kept
        Traces per prompt and run in the rollout table.
    """

    environment: str = option("planted", validate.choice, "NAME", allowed=ENVIRONMENTS)
    parameters: Mapping[str, Any] = option(dict, validate.table, "NAME=VALUE", flag="--set")
    places: tuple[tuple[int, tuple[int, ...]], ...] = option(((16, (64,)),), _places)
    methods: tuple[str, ...] = option(("sft", "ball", "best_of_n"), _methods, flag="--method")
    spreads: tuple[float, ...] = option((), validate.each, of=validate.chance)
    secondary_at: tuple[int, ...] | None = option(None, validate.each, of=validate.integer, least=1)
    kappa: float = option(0.25, validate.real, "X", least=0)
    data_seeds: int = option(1, validate.integer, least=1, most=64)
    base_seeds: int = option(1, validate.integer, least=1, most=64)
    seed: int = option(0, validate.integer, least=0, most=2**32 - 1)
    width: int = option(64, validate.integer, least=8, most=4096)
    layers: int = option(2, validate.integer, least=1, most=48)
    heads: int = option(4, validate.integer, least=1, most=64)
    pretrain: Schedule = option(Schedule(steps=100, batch=64, rate=3e-3), _schedule)
    finetune: Schedule = option(Schedule(steps=50, batch=64, rate=1e-3), _schedule)
    verifier: Schedule = option(Schedule(steps=50, batch=64, rate=1e-3), _schedule)
    gradient: Schedule = option(Schedule(steps=20, batch=64, rate=3e-4), _schedule)
    group: int = option(8, validate.integer, least=2, most=256)
    beta: float = option(0.05, validate.real, least=0)
    tries: int = option(4, validate.integer, least=1, most=256)
    fresh: int = option(128, validate.integer, least=8, most=10**5)
    law: int = option(128, validate.integer, least=8, most=10**5)
    evaluation: int = option(32, validate.integer, least=2, most=10**5)
    kept: int = option(8, validate.integer, least=0, most=1024)

    def agree(self) -> None:
        """Refuse sizes that do not go together."""
        if self.width % self.heads:
            raise InputError(f"width must be a multiple of heads; got {self.width}, {self.heads}")
        if self.gradient.batch % self.group:
            raise InputError(
                f"gradient.batch must be a multiple of group; got {self.gradient.batch}, "
                f"{self.group}"
            )
        if self.kept > self.fresh:
            raise InputError(f"kept must be at most fresh; got {self.kept} and {self.fresh}")
        if self.fresh % self.tries:
            raise InputError(f"fresh must be a multiple of tries; got {self.fresh}, {self.tries}")
        if "horizons" in self.parameters:
            raise InputError("parameters has no horizons: those of the study's places are used")
        for horizon in self.secondary_at or ():
            if horizon not in self.horizons:
                raise InputError(
                    f"secondary_at must be of the places {shown(self.horizons)}; got {horizon}"
                )
        _differ("spreads", self.spreads)
        # An environment may refuse a horizon.
        worlds = [part.world for part in self.parts.values()] if self.spreads else [self.world]
        for world in worlds:
            for horizon in world.horizons:
                world.law(horizon)
        if worlds[0].spread in self.spreads:
            raise InputError(
                f"spreads are further ones than the study's own; got {worlds[0].spread:g} again"
            )

    @property
    def parts(self) -> dict[str, TrainConfig]:
        """The study's own part under the name "", and one for each further spread.

        Their bases are trained alike; `compared` says at which places.
        """
        found = {"": replace(self, spreads=())}
        for k, spread in enumerate(self.spreads, 1):
            found[f"-spread{spread:g}"] = replace(
                self, spreads=(), parameters={**self.parameters, "spread": spread},
                # Three keys are taken from each seed.
                seed=(self.seed + 3 * k) % 2**32,
            )  # fmt: skip
        return found

    def compared(self, part: str) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Horizons, each with its n, at which arms run in a part of the study."""
        return self.places[-1:] if part else self.places

    @property
    def horizons(self) -> tuple[int, ...]:
        """Those at which arms are compared."""
        return tuple(horizon for horizon, _ in self.places)

    def arms(self, horizon: int) -> tuple[str, ...]:
        """The arms that run at a horizon."""
        everything = self.secondary_at is None or horizon in self.secondary_at
        return tuple(name for name in self.methods if everything or name in PRIMARY)

    @property
    def world(self) -> Environment:
        """The environment."""
        cls = load_environment(self.environment)
        return cls.from_mapping({**self.parameters, "horizons": self.horizons})

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values, schedules as tables."""
        schedules = ("pretrain", "finetune", "verifier", "gradient")
        return super().to_dict() | {name: getattr(self, name).to_dict() for name in schedules}

    def hash(self) -> str:
        """Name of the study: of its configuration and of the version."""
        return fingerprint(__version__, SCHEMA, writable(self.to_dict()))
