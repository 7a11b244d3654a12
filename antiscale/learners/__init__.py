"""Learners: sufficient statistics in, policy out.

A learner is a callable `learner(data, setting) -> policy` with attributes `name` and `side`:

- `side = "vf"` (verifier-free): `data.counts` [..., m, S] holds how often each type was seen among
  the expert's traces; `data.labels` is None.
- `side = "vb"` (verifier-based): `data.counts` counts the base policy's traces, `data.labels`
  [..., m, S] their returns in tokens, 0 where a type was not seen.

The policy is a pmf over types, [..., m, S]. Learners run inside `jax.jit`, on arrays that batch
over leading axes, so they use `jax.numpy` and no Python branches on values. Name your own with
`--learner module:name`; in Python give it as it is, an object or a class made without arguments.
A learner whose policy at one prompt depends on what it saw at others says
`tied = True`: its risk is then a supremum over joint rewards. One whose policy never leaves the
ball Pi_kappa says `confined = True`: its regret is then known not to be negative. One whose policy
at a prompt depends on nothing but the labels seen there, up to types that are alike to the reward
class, and not on how often says `seen_only = True`: equal data are then solved once, and where
there are few sets its risk is a finite sum. A learner with a theorem of its own has
`upper(premises, over)`; `base.Learner` documents all of this.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jax

from antiscale.core import content, source, validate
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.learners.base import Data, GridPrior, Learner, Setting, TwoStep
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
    "Setting", "choose_learners", "digest_of", "load_learner", "renew",
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


def load_learner(given: Any) -> Learner:
    """Return a built-in learner by name, or a user's own.

    Parameters
    ----------
    given
        The name of a built-in learner; `module:name` of a user's own; or the learner itself, an
        object that is callable as learner(data, setting) with `side` "vf" or "vb", or its class,
        which is then made without arguments.

    Returns
    -------
    Learner
        A built-in learner as it is. Another has the name by which it was asked for; an object that
        of its attribute `name`, if that is one word and no built-in learner's, else its class's.
        Two learners of one class with equal settings are equal, and are compiled once.

    Raises
    ------
    InputError
        If there is no such learner, or it does not follow the protocol.

    Examples
    --------
    >>> from antiscale.learners import SmoothedSFT
    >>> load_learner("sft") is load_learner(SFT) is load_learner(SFT())
    True
    >>> load_learner(SmoothedSFT(pseudo_count=0.1)).name
    'SmoothedSFT'
    """
    if isinstance(given, _Named):
        return given
    if isinstance(given, str) and ":" in given:
        return _named(given, given, _imported(given))
    if isinstance(given, str):
        return BUILT_IN[validate.choice("learner (or module:name of your own)", given, BUILT_IN)]
    if not callable(given):
        raise InputError(
            "learner must be a name, module:name of your own, or an object or class that is "
            f"callable as learner(data, setting) and has side = 'vf' or 'vb'; got {shown(given)}"
        )
    is_code = isinstance(given, type) or inspect.isroutine(given)
    label = str(given.__name__ if is_code else type(given).__name__)
    learner = _made(label, given)
    if type(learner) in map(type, _ALL) and learner in _ALL:
        return BUILT_IN[learner.name]
    return _named(_name_of(label, learner), label, learner)


def _imported(name: str) -> Any:
    """What `module:name` says."""
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
    return _made(name, getattr(module, attribute))


def _made(label: str, found: Any) -> Any:
    """A learner's class made, or the learner as it is."""
    try:
        return found() if isinstance(found, type) else found
    except (Exception, SystemExit) as error:
        raise _failure(label, "when it was made", error) from error


def _name_of(label: str, learner: Any) -> str:
    """What a learner that was given as an object is called."""
    try:
        own = getattr(learner, "name", None)
    except (Exception, SystemExit) as error:
        raise _failure(label, "when it was asked for its name", error) from error
    for name in (own, label):
        if isinstance(name, str) and re.fullmatch(r"[\w.-]{1,60}", name) and name not in BUILT_IN:
            return name
    raise InputError(
        f"learner {shown(label)}, given as an object, needs a name of its own that is one word and "
        "no built-in learner's: rename its class, or give it an attribute name"
    )


def _named(name: str, label: str, learner: Any) -> Learner:
    """A user's learner, checked."""
    try:
        side: Any = getattr(learner, "side", None)
        said = {x: bool(getattr(learner, x, False)) for x in _SAID}
        needs = frozenset(getattr(learner, "needs", ()))
    except (Exception, SystemExit) as error:
        raise _failure(label, "when it was made", error) from error
    if not isinstance(side, str) or side not in ("vf", "vb") or not callable(learner):
        raise InputError(
            f"learner {shown(label)} must be callable as learner(data, setting) and have "
            "side = 'vf' (clones traces) or 'vb' (sees labels)"
        )
    kind = _NamedTwoStep if isinstance(learner, TwoStep) else _Named
    return kind(name, learner, "vf" if side == "vf" else "vb", _same(learner), needs=needs, **said)


def _same(learner: Any) -> Any:
    """What two learners have in common if one compiled program serves both."""
    try:
        return type(learner), content.digest_of(learner)
    except content.NoContentError:
        return _Itself(learner)


@dataclass(frozen=True, eq=False)
class _Itself:
    """An object that equals itself alone."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def digest_of(given: Any) -> str | None:
    """What stands for a learner in the hash that names a run, beside its name.

    Parameters
    ----------
    given
        As `load_learner` takes it.

    Returns
    -------
    str or None
        None for a built-in learner, whose name says all. Else 64 hexadecimal digits: SHA-256 over
        the source of its module and of what that imports of the user's (`module:name`; None where
        the module is in no file), or over its settings and its source (an object; see
        `antiscale.core.content`), equal in every process.

    Raises
    ------
    InputError
        If it is no learner, or an object's source or settings cannot be read.
    """
    learner = load_learner(given)
    if not isinstance(learner, _Named):
        return None
    if ":" in learner.name:
        return source.digest_of(learner.name.partition(":")[0])
    try:
        return content.digest_of(learner.learner)
    except content.NoContentError as error:
        raise InputError(
            f"learner {shown(learner.name)} cannot name results on disk: {error}; define it in a "
            "file (a script, or a module of yours) or a notebook, or leave out the folder"
        ) from None


def _failure(name: str, when: str, error: BaseException) -> InputError:
    """What a user's code raised, as one line; its traceback stays attached as the cause."""
    line = (str(error).strip() or "no message").splitlines()[0]
    advice = "; mend it, or name another learner"
    if when == _CALLED:
        advice = " (learners run inside jax.jit: use jax.numpy, and no Python branches on values)"
    return InputError(
        f"learner {shown(name)} failed with {type(error).__name__} {when}: {line:.120}{advice}"
    )


# What a learner may say of itself (`base.Learner`).
_SAID = ("tied", "confined", "seen_only", "empirical")


@dataclass(frozen=True)
class _Named(Learner):
    """A user's learner, under the name it was asked for by.

    Equal, and so compiled once, where `same` is: the learner itself need be neither hashable nor
    comparable.
    """

    name: str
    learner: Any = field(compare=False)
    side: Literal["vf", "vb"]
    same: Any = field(repr=False)
    tied: bool
    confined: bool
    seen_only: bool
    empirical: bool
    needs: frozenset[str]

    def upper(self, premises: Premises, over: Over) -> Bound:
        """The learner's own bound: a number of tokens, a `Bound`, or None where it has none."""
        own = getattr(self.learner, "upper", None)
        found = None if own is None else self._guarded(own, premises, over, when=_BOUNDED)
        if found is None:
            return super().upper(premises, over)
        if isinstance(found, Bound):
            return found
        return Bound(self._guarded(float, found, when=_BOUNDED), f"{self.name}'s own")

    def verifier_error(self, premises: Premises) -> Bound:
        """The learner's own choice of T6's errors, if it has one."""
        own = getattr(self.learner, "verifier_error", None)
        if own is None:
            return super().verifier_error(premises)
        found: Bound = self._guarded(own, premises, when=_BOUNDED)
        return found

    def __call__(self, data: Data, setting: Setting) -> jax.Array:
        return self._guarded(self.learner, data, setting, when=_CALLED)

    def _guarded(self, function: Any, *arguments: Any, when: str) -> Any:
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            raise _failure(self.name, when, error) from error


@dataclass(frozen=True)
class _NamedTwoStep(_Named, TwoStep):
    """A user's learner in two steps."""

    def fit(self, data: Data, setting: Setting) -> jax.Array:
        return self._guarded(self.learner.fit, data, setting, when=_CALLED)

    def plan(self, fit: jax.Array, setting: Setting) -> jax.Array:
        return self._guarded(self.learner.plan, fit, setting, when=_CALLED)


def choose_learners(names: Sequence[Any]) -> dict[str, Learner]:
    """Return one learner per side, the default where none is given.

    Parameters
    ----------
    names
        Names, objects and classes, as `load_learner` takes them.

    Raises
    ------
    InputError
        If a name is unknown or two are of one side.
    """
    chosen: dict[str, Learner] = {}
    if not isinstance(names, list | tuple):
        raise InputError(f"learners must be a list of names; got {shown(names)}")
    for each in names:
        learner = load_learner(each)
        if learner.side in chosen:
            kind = "verifier-free" if learner.side == "vf" else "verifier-based"
            raise InputError(
                f"learners {shown(chosen[learner.side].name)} and {shown(learner.name)} are both "
                f"{kind}; name one per side"
            )
        chosen[learner.side] = learner
    return {side: chosen.get(side) or load_learner(DEFAULT[side]) for side in ("vf", "vb")}
