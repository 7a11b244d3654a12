"""A sweep's configuration with every name in it resolved, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

import jax.numpy as jnp
import numpy as np

from antiscale.core import machine, source
from antiscale.core.config import fingerprint, writable
from antiscale.core.errors import InputError
from antiscale.core.version import __version__
from antiscale.learners import Learner, choose_learners, renew
from antiscale.models.families import Family, family, model_of
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
        What was asked for.
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
        Digests of the source of the user's own learners, by name.
    hash
        Twelve hexadecimal digits that name the configuration and this version's rows. Parameters
        left at their defaults and the same values given name one run. The content of a file that
        the configuration names, and the source of the user's own learners, are part of it.
    """

    config: SweepConfig
    parameters: dict[str, Any]
    family: Family
    reward_class: str
    learners: dict[str, Learner]
    places: list[Place]
    sources: dict[str, str | None]
    hash: str
    _models: dict[int, tuple[TraceModel, RewardClass]] = field(default_factory=dict, repr=False)
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, given: Planned = None, **options: Any) -> Plan:
        """Resolve and check a configuration, also one given as names and values.

        `options` replace some of its fields.

        Raises
        ------
        InputError
            If a name is unknown, what was asked for does not fit together, or this machine cannot
            hold the largest cell.
        """
        if isinstance(given, Plan):
            return cls.of(given.config, **options) if options else given
        config = SweepConfig.of(given, **options)
        parameters = config.family_parameters()
        its = family(config.family, **parameters)
        reward_class = config.reward_class or its.reward_class
        renew(config.learner)
        sources = {
            name: source.digest_of(name.partition(":")[0]) for name in config.learner if ":" in name
        }
        plan = cls(
            config, parameters, its, reward_class, choose_learners(config.learner),
            config.cells(), sources, _hash(config, parameters, reward_class, sources),
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

    def moved(self, config: SweepConfig) -> Plan:
        """Return the plan of a configuration that differs in kappa, n and seed alone.

        The two share models, and what `once` computed.
        """
        return replace(
            self, config=config, places=config.cells(),
            hash=_hash(config, self.parameters, self.reward_class, self.sources),
        )  # fmt: skip

    def shape(self, place: Place) -> tuple[Any, ...]:
        """What compiled code depends on at a place: places of one shape share it."""
        model, rewards = self.model_at(place.horizon)
        return (
            model.prompts, model.types, rewards.name, self._stated(rewards), self.config.repeats,
            self.config.expert == "hard", place.noise > 0, bool(self.config.pass_at),
            self.config.c0 is not None,
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
        """Refuse a sweep whose largest cell this machine cannot hold, or that takes days."""
        machine.require(
            f"a sweep of {self.config.repeats} repeats over {prompts} prompts and {types} types",
            "--repeats, --prompts, --horizon or --rewards",
            floats=self._floats(prompts, types, rewards),
            seconds=len(self.places) * self._seconds(prompts, types, rewards),
        )

    def cost(self, place: Place) -> tuple[float, float]:
        """Numbers held at a time, and processor seconds, at one place: rough, from above."""
        model, rewards = self.model_at(place.horizon)
        size = model.prompts, model.types, self._stated(rewards)
        return self._floats(*size), self._seconds(*size)

    def _floats(self, prompts: int, types: int, rewards: float) -> float:
        """Numbers that one cell holds at a time.

        Counts of both sides and what is sorted on the way, 500 resamples of the repeats, and for a
        few repeats at once the ball's optimum for every stated reward.
        """
        cell, repeats = float(prompts) * types, float(self.config.repeats)
        resamples = prompts * rewards * (4.0 * repeats + 500.0) + 1000.0 * repeats
        return cell * (8.0 * repeats + 30.0 * rewards) + resamples

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
