"""A sweep's configuration with every name in it resolved, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

import jax.numpy as jnp
import numpy as np

from antiscale.core import machine
from antiscale.core.config import fingerprint, writable
from antiscale.core.errors import InputError
from antiscale.core.version import __version__
from antiscale.learners import BUILT_IN, Learner, choose_learners, digest_of, load_learner, renew
from antiscale.models.families import Family, family, model_of
from antiscale.models.families.own import Fixed, Made
from antiscale.models.given import given_family, named
from antiscale.models.traces import TraceModel
from antiscale.rewards import RewardClass, load_class
from antiscale.rewards.evaluation import WHOLE
from antiscale.sweeps.config import SCHEMA, Place, SweepConfig
from antiscale.sweeps.rows import settings_of

T = TypeVar("T")
# A plan, or what one is made of: a configuration, also as names and values; the default if None.
Planned: TypeAlias = "Plan | SweepConfig | Mapping[str, Any] | None"


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep will do. Making it checks that the configuration can run.

    Attributes
    ----------
    config
        What was asked for, by names. A model that was given as an object has its family's name
        (explicit; the function's, for one of H) and the parameter sha256, a digest of its arrays; a
        learner its own name.
    parameters
        The family's parameters: its defaults, the shorthands and those given.
    family
        The family with these parameters.
    reward_class
        The reward class asked for, or the family's own.
    learners
        One per side, "vf" and "vb"; at a grid's point any number, by name.
    places
        The cells (H, n, noise), in order.
    sources
        Digests of the user's own learners, by name: of their source, and of an object's settings.
    hash
        Twelve hexadecimal digits that name the configuration and this version's rows. Parameters
        left at their defaults and the same values given name one run. The content of a file that
        the configuration names, of a model and of learners given as objects, and the source of the
        user's own learners, are part of it.
    own
        The learners that were given as objects, by name.
    nameless
        Why the hash does not name the run, so that none may be written to disk; None if it does.
    """

    config: SweepConfig
    parameters: dict[str, Any]
    family: Family
    reward_class: str
    learners: dict[str, Learner]
    places: list[Place]
    sources: dict[str, str | None]
    hash: str
    own: dict[str, Learner] = field(default_factory=dict)
    nameless: str | None = None
    _models: dict[int, tuple[TraceModel, RewardClass]] = field(default_factory=dict, repr=False)
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, given: Planned = None, *, model: Any = None, **options: Any) -> Plan:
        """Resolve and check a configuration, also one given as names and values.

        Parameters
        ----------
        given
            The configuration.
        model
            The base policy in any form of `antiscale.models.given.given_family`, in place of family
            and parameters. The horizon of a `TraceModel` is the default of `horizon`.
        options
            Fields that replace some of the configuration's. `learner` may be objects and classes
            (`antiscale.learners.load_learner`), one or a list, with names among them.

        Raises
        ------
        InputError
            If a name is unknown, what was asked for does not fit together, or this machine cannot
            hold the largest cell.
        """
        if isinstance(given, Plan) and model is None and not options:
            return given
        asked = asked_for(given, options)
        if model is None:
            model = asked.pop("model", None)
        held = None if model is None else _in_place_of_family(model, asked, options)
        own = _own_learners(asked)
        config = SweepConfig.of(asked)
        its: Family
        if held is None:
            parameters = config.family_parameters()
            its = family(config.family, **parameters)
        else:
            its = held
            parameters = {"sha256": held.digest(place.horizon for place in config.cells())}
            config = replace(config, parameters=parameters)
        reward_class = config.reward_class or its.reward_class
        renew(config.learner)
        learners = choose_learners([own.get(name, name) for name in config.learner])
        sources, nameless = sources_of(learners.values())
        plan = cls(
            config, parameters, its, reward_class, learners, config.cells(), sources,
            _hash(config, parameters, reward_class, sources), own, nameless,
        )  # fmt: skip
        plan._check()
        return plan

    def among(self, learners: dict[str, Learner]) -> Plan:
        """Return the same plan with other learners, by keys of the caller's choice.

        Raises
        ------
        InputError
            If one of them does not fit the configuration.
        """
        plan = replace(self, learners=learners)
        plan.require_prior()
        return plan

    def moved(self, **changes: Any) -> Plan:
        """Return the same plan at another kappa, n or seed, and no other option.

        The two share models, and what `once` computed.
        """
        config = replace(self.config, **changes)
        return replace(
            self, config=config, places=config.cells(),
            hash=_hash(config, self.parameters, self.reward_class, self.sources),
        )  # fmt: skip

    def shape(self, place: Place) -> tuple[Any, ...]:
        """What compiled code depends on at a place: places of one shape share it."""
        model, rewards = self.model_at(place.horizon)
        return (
            model.prompts, model.types, rewards.name, self._stated(rewards), self.config.repeats,
            self.config.expert == "hard", place.noise > 0,
        )  # fmt: skip

    def once(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """Compute what depends on `key` alone, of all in which plans that share this differ.

        `key` names what is computed, and those of H, kappa and n that it depends on.
        """
        if key not in self._known:
            self._known[key] = compute()
        found: T = self._known[key]
        return found

    @property
    def tied(self) -> list[str]:
        """The learners with one set of parameters for all prompts."""
        return [learner.name for learner in self.learners.values() if learner.tied]

    @property
    def sigma_exponent(self) -> float | None:
        """How sigma grows with H where cloning's loss does: a with sigma ~ H^a; None if unknown.

        At one known reward cloning's loss is zero on average, whatever sigma is.
        """
        if self.reward_class == "known":
            return None
        return self.model_at(self.places[-1].horizon)[0].sigma_exponent

    def needs(self, what: str) -> bool:
        """Whether a learner reads this field of its setting."""
        return any(what in learner.needs for learner in self.learners.values())

    def model_at(self, horizon: int) -> tuple[TraceModel, RewardClass]:
        """Return the trace model at one horizon and the reward class bound to it."""
        if horizon not in self._models:
            model = model_of(self.family, horizon)
            rewards = load_class(self.reward_class, model, **self.config.class_parameters)
            self._models[horizon] = model, rewards
        return self._models[horizon]

    def columns(self) -> dict[str, Any]:
        """Return the configuration as columns of a row; those measured anew get other names."""
        columns = self.config.to_dict() | {"reward_class": self.reward_class}
        columns["class_parameters"] = json.dumps(columns["class_parameters"], sort_keys=True)
        columns["parameters"] = json.dumps(writable(self.parameters), sort_keys=True)
        return settings_of(columns)

    def require_prior(self) -> None:
        """Refuse a learner that needs a prior where the experts are not drawn from one."""
        for learner in self.learners.values():
            config = self.config
            if "prior" in learner.needs and (config.expert != "hard" or config.form == "blocks"):
                raise InputError(
                    f"learner {learner.name!r} is the best against the prior of T4a or T4c; run it "
                    "with --expert hard, and form best, two_point or many_point"
                )

    def _check(self) -> None:
        config = self.config
        self.require_prior()
        # Before the model is built: whatever the class is, it holds a reward and its mirror.
        self._require(*self.family.size(config.horizon), 2)
        for horizon in sorted({place.horizon for place in self.places}):
            model, rewards = self.model_at(horizon)
            self._require(model.prompts, model.types, self._stated(rewards))
            if config.noise > 0:
                rewards.flip(jnp.asarray(model.returns))

    def _stated(self, rewards: RewardClass) -> float:
        """How many rewards are stated at most, per prompt."""
        members = float(np.exp(np.minimum(rewards.log_sizes().max(), 60.0)))
        return members + 2 if members <= WHOLE else self.config.rewards

    def _require(self, prompts: int, types: int, rewards: float) -> None:
        """Refuse a sweep whose largest cell this machine cannot hold, or that takes days.

        Held at a time: counts of both sides and what is sorted on the way, 500 resamples of the
        repeats, and for a few repeats at once the ball's optimum for every stated reward.
        """
        cell, repeats = float(prompts) * types, float(self.config.repeats)
        machine.require(
            f"a sweep of {self.config.repeats} repeats over {prompts} prompts and {types} types",
            "--repeats, --prompts, --horizon or --rewards",
            floats=cell * (8.0 * repeats + 30.0 * rewards)
            + prompts * rewards * (4.0 * repeats + 500.0)
            + 1000.0 * repeats,
            seconds=len(self.places) * self._seconds(prompts, types, rewards),
        )

    def seconds_at(self, place: Place) -> float:
        """Processor seconds that one place takes: rough, from above."""
        model, rewards = self.model_at(place.horizon)
        return self._seconds(model.prompts, model.types, self._stated(rewards))

    def _seconds(self, prompts: int, types: int, rewards: float) -> float:
        """Processor seconds of one cell.

        Measured at 0.03 to 0.1 microseconds for each repeat, reward, prompt and type, and half a
        millisecond for each repeat.
        """
        return self.config.repeats * (1e-7 * rewards * prompts * types + 5e-4)


def _hash(
    config: SweepConfig, parameters: dict[str, Any], reward_class: str,
    sources: Mapping[str, str | None],
) -> str:  # fmt: skip
    settled = {"parameters": writable(parameters), "reward_class": reward_class}
    plain = config.to_dict() | settled
    del plain["prompts"], plain["styles"]
    if not config.pass_at:
        del plain["pass_at"]  # runs without it are those of earlier versions
    plain |= {"sources": sources} if sources else {}
    return fingerprint(SCHEMA, __version__, plain)


# What a model given as an object stands for.
_OF_FAMILY = ("family", "parameters", "prompts", "styles")


def asked_for(given: Planned, options: dict[str, Any]) -> dict[str, Any]:
    """Names and values of what is asked for, with the objects of an earlier plan."""
    if given is None:
        return dict(options)
    if isinstance(given, Mapping):
        return {**given, **options}
    if not isinstance(given, Plan):
        config = SweepConfig.of(given)
        return {name: getattr(config, name) for name in config.to_dict()} | options
    asked = asked_for(given.config, {})
    asked["learner"] = tuple(given.own.get(name, name) for name in given.config.learner)
    if isinstance(given.family, Fixed | Made):
        del asked["family"], asked["parameters"]
        if not any(name in options for name in _OF_FAMILY):
            asked["model"] = given.family
    return asked | options


def _in_place_of_family(
    model: Any, asked: dict[str, Any], options: dict[str, Any]
) -> Fixed | Made | None:
    """Put a model's name and parameters into `asked`; what has none is returned."""
    default = SweepConfig()
    for name in _OF_FAMILY:
        usual = getattr(default, name)
        if name in options or asked.get(name, usual) != usual:
            raise InputError(
                f"give either model or {name}: a model is a family with its parameters (by name: "
                "families.family('sharp', c0=0.02))"
            )
    if isinstance(model, TraceModel):
        asked.setdefault("horizon", model.horizon)
    its = given_family(model)
    if isinstance(its, Fixed | Made):
        asked |= {"family": its.name, "parameters": {}}
        return its
    asked["family"], asked["parameters"] = named(its)
    return None


def _own_learners(asked: dict[str, Any]) -> dict[str, Learner]:
    """Put names in place of the learners that are objects, which are returned by name."""
    given = asked.get("learner", ())
    several = list(given) if isinstance(given, list | tuple) else [given]
    own: dict[str, Learner] = {}
    for k, each in enumerate(several):
        if not callable(each):
            continue
        learner = load_learner(each)
        if learner.name in [*own, *several[:k]]:
            raise InputError(
                f"two learners are called {learner.name!r}; give them different attributes name"
            )
        several[k] = learner.name
        if learner.name not in BUILT_IN:
            own[learner.name] = learner
    if isinstance(given, list | tuple) or callable(given):
        asked["learner"] = tuple(several)
    return own


def sources_of(learners: Iterable[Learner]) -> tuple[dict[str, str | None], str | None]:
    """Digests of the user's learners by name, and why there is none of some object."""
    found: dict[str, str | None] = {}
    nameless = None
    for learner in learners:
        if learner.name not in BUILT_IN:
            try:
                found[learner.name] = digest_of(learner)
            except InputError as error:
                found[learner.name], nameless = None, str(error)
    return found, nameless
