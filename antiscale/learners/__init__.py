"""Learners: sufficient statistics in, policy out.

A learner is a callable `learner(data, setting) -> policy` with attributes `name` and `side`:

- `side = "vf"` (verifier-free): `data.counts` [..., m, S] holds how often each type was seen among
  the expert's traces; `data.labels` is None.
- `side = "vb"` (verifier-based): `data.counts` counts the base policy's traces, `data.labels`
  [..., m, S] their returns in tokens, 0 where a type was not seen.

The policy is a pmf over types, [..., m, S]. Learners run inside `jax.jit`, on arrays that batch
over leading axes, so they use `jax.numpy` and no Python branches on values. Name your own with
`--learner module:name`. A learner whose policy at one prompt depends on what it saw at others says
`tied = True`: its risk is then a supremum over joint rewards. One whose policy never leaves the
ball Pi_kappa says `confined = True`: its regret is then known not to be negative. One whose policy
at a prompt depends on nothing but the labels seen there, up to types that are alike to the reward
class, and not on how often says `seen_only = True`: equal data are then solved once, and where
there are few sets its risk is a finite sum. A learner with a theorem of its own has
`upper(premises, over)`; `base.Learner` documents all of this.
"""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax

from antiscale.core import source, validate
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.learners.base import Data, GridPrior, Learner, Setting
from antiscale.learners.cloning import MLE, SFT, Bayes, Shrinkage, SmoothedSFT
from antiscale.learners.loglinear import LogLinear, NaturalGradient
from antiscale.learners.premises import OVER, Bound, Over, Premises
from antiscale.learners.search import BestOfN
from antiscale.learners.verification import (
    Binary,
    ByValue,
    KLRegularised,
    PlugIn,
    Rejection,
    Simple,
    Weighted,
    Wide,
)

__all__ = [
    "BUILT_IN", "DEFAULT", "OVER", "Bound", "Data", "GridPrior", "Learner", "Over", "Premises",
    "Setting", "choose_learners", "load_learner", "renew",
]  # fmt: skip

_ALL: tuple[Learner, ...] = (
    SFT(), SmoothedSFT(), Shrinkage(), MLE(), Bayes(), LogLinear(), Simple(), Binary(), Wide(),
    PlugIn(), Rejection(), Weighted(), ByValue(), KLRegularised(), BestOfN(), NaturalGradient(),
)  # fmt: skip
BUILT_IN: dict[str, Learner] = {learner.name: learner for learner in _ALL}
DEFAULT = {"vf": "sft", "vb": "simple"}


# When a learner failed, if it was not as it was loaded.
_CALLED, _BOUNDED = "as it learned", "as it was asked for its bound"
# The source of the users' modules when they were loaded, by module.
_LOADED: dict[str, str | None] = {}


def renew(names: Sequence[str]) -> None:
    """Have the users' learners loaded anew whose source has changed since.

    Raises
    ------
    InputError
        If `names` is not a list of names.
    """
    if not isinstance(names, list | tuple):
        raise InputError(f"names must be a list of learners' names; got {shown(names)}")
    named = [validate.name("learner", name) for name in names]
    for module in {name.partition(":")[0] for name in named if ":" in name}:
        if module in _LOADED and _LOADED[module] != source.digest_of(module):
            del _LOADED[module]
            for stale in source.modules_of(module):
                sys.modules.pop(stale, None)


def load_learner(name: str) -> Learner:
    """Return a built-in learner by name, or a user's own by `module:name`.

    Raises
    ------
    InputError
        If there is no such learner, or it does not follow the protocol.
    """
    if not isinstance(name, str) or ":" not in name:
        return BUILT_IN[validate.choice("learner (or module:name of your own)", name, BUILT_IN)]
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InputError(f"learner {shown(name)} must be module:name, for example mine:Mine")
    source.look_here()
    # No compiled copies: they are told from their source by its age in whole seconds and its size.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(
            f"learner {shown(name)}: cannot import {shown(module_name)} ({error})"
        ) from None
    except (Exception, SystemExit) as error:
        raise _failure(name, "when it was imported", error) from error
    finally:
        sys.dont_write_bytecode = writes
    if module_name not in _LOADED:
        _LOADED[module_name] = source.digest_of(module_name)
    if not hasattr(module, attribute):
        raise InputError(
            f"learner {shown(name)}: module {shown(module_name)} has no {shown(attribute)}"
        )
    try:
        found: Any = getattr(module, attribute)
        learner = found() if isinstance(found, type) else found
        side: Any = getattr(learner, "side", None)
        said = {x: bool(getattr(learner, x, False)) for x in ("tied", "confined", "seen_only")}
    except (Exception, SystemExit) as error:
        raise _failure(name, "when it was made", error) from error
    if not isinstance(side, str) or side not in ("vf", "vb") or not callable(learner):
        raise InputError(
            f"learner {shown(name)} must be callable as learner(data, setting) and have "
            "side = 'vf' (clones traces) or 'vb' (sees labels)"
        )
    return _Named(name, learner, "vf" if side == "vf" else "vb", **said)


def _failure(name: str, when: str, error: BaseException) -> InputError:
    """What a user's code raised, as one line; its traceback stays attached as the cause."""
    line = (str(error).strip() or "no message").splitlines()[0]
    advice = "; mend it, or name another learner"
    if when == _CALLED:
        advice = " (learners run inside jax.jit: use jax.numpy, and no Python branches on values)"
    return InputError(
        f"learner {shown(name)} failed with {type(error).__name__} {when}: {line:.120}{advice}"
    )


@dataclass(frozen=True)
class _Named(Learner):
    """A user's learner, under the name it was asked for by."""

    name: str
    learner: Any
    side: Literal["vf", "vb"]
    tied: bool
    confined: bool
    seen_only: bool

    def upper(self, premises: Premises, over: Over) -> Bound:
        """The learner's own bound: a number of tokens, a `Bound`, or None where it has none."""
        own = getattr(self.learner, "upper", None)
        found = None if own is None else self._guarded(own, premises, over, when=_BOUNDED)
        if found is None:
            return super().upper(premises, over)
        if isinstance(found, Bound):
            return found
        return Bound(self._guarded(float, found, when=_BOUNDED), f"{self.name}'s own")

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        return self._guarded(self.learner, data, setting, when=_CALLED)

    def _guarded(self, function: Any, *arguments: Any, when: str) -> Any:
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            raise _failure(self.name, when, error) from error


def choose_learners(names: tuple[str, ...]) -> dict[str, Learner]:
    """Return one learner per side, the default where none is named.

    Raises
    ------
    InputError
        If a name is unknown or two are of one side.
    """
    chosen: dict[str, Learner] = {}
    if not isinstance(names, list | tuple):
        raise InputError(f"learners must be a list of names; got {shown(names)}")
    for name in names:
        learner = load_learner(name)
        if learner.side in chosen:
            kind = "verifier-free" if learner.side == "vf" else "verifier-based"
            raise InputError(
                f"learners {shown(chosen[learner.side].name)} and {shown(name)} are both {kind}; "
                "name one per side"
            )
        chosen[learner.side] = learner
    return {side: chosen.get(side) or load_learner(DEFAULT[side]) for side in ("vf", "vb")}
