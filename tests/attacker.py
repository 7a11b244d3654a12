"""Hostile input for every command and every public function, found from their definitions.

`python -m tests.attacker` runs the whole, prints the failures and writes what it counted to
tests/attacker.csv; `python -m tests.attacker NAME...` does so for these alone. Commands must end
with status 0, 2 or 130, functions with a valid result or InputError: no traceback, no warning, no
NaN as a result; what is refused is refused in one short line, within 20 CPU-seconds and 4 GiB.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import importlib
import inspect
import io
import json
import math
import os
import re
import signal
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import antiscale as ac
from antiscale.core import machine
from antiscale.core.errors import InputError

COUNTS = Path(__file__).with_name("attacker.csv")
CPU_SECONDS, PEAK_KIB, GUARD_SECONDS = 20.0, 4 * 2**20, 120
LONGEST = 300

_DIGITS = "9" * 5000
TEXTS = (
    "0", "-1", "nan", "inf", "-inf", "1e308", "1e20", "5e-324", _DIGITS, "", " ", "é☃", "true",
    "null", "[]", "{}", "[[1,2],[3]]", '{"a":1}', '"\\u0000"', "1j", "2024-01-01",
    "1099511627776", "1e6", "a,b", "x=y", "/dev/null", "no/such/path.csv", "x" * 5000,
)  # fmt: skip


class _Unfriendly:
    def __repr__(self) -> str:
        return "y" * 5000


def values() -> dict[str, Any]:
    """Hostile values by name; made anew, so that none is changed by what it is fed to."""
    return {
        "0": 0, "-1": -1, "nan": math.nan, "inf": math.inf, "-inf": -math.inf, "1e308": 1e308,
        "-1e308": -1e308, "1e20": 1e20, "5e-324": 5e-324, "5000 digits": 10**5000, "2**63": 2**63,
        "1e9": 10**9, "half": 0.5, "true": True, "complex": 1j, "none": None, "no text": "",
        "unicode": "é☃", "text nan": "nan", "long text": "x" * 5000, "bytes": b"\xff",
        "empty": [], "empty rows": [[]], "ragged": [1.0, [2.0]], "one row more": [[0.5, 0.5]] * 3,
        "three numbers": [0.2, 0.3, 0.5], "no types": np.zeros((2, 0)), "cube": np.ones((2, 3, 4)),
        "objects": np.array([1, None], dtype=object), "words": np.array(["a", "b"]),
        "complexes": np.array([1j, 2.0]), "date": datetime.date(2024, 1, 1),
        "dates": np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"),
        "a nan": [math.nan, 0.5], "an inf": [math.inf, 0.0], "opposite": [1e308, -1e308],
        "tiny": [5e-324, 0.0], "zeros": [0.0, 0.0], "table": {"a": 1}, "no table": {},
        "set": {1, 2}, "object": _Unfriendly(), "function": len, "generator": (x for x in (1, 2)),
    }  # fmt: skip


class Target(NamedTuple):
    """Something that is attacked: each input is a name and a call that takes nothing."""

    kind: str
    name: str
    inputs: Callable[[], Iterator[tuple[str, Callable[[], str]]]]


class Outcome(NamedTuple):
    target: str
    input: str
    verdict: str  # refused, accepted or failed
    detail: str
    cpu_s: float


class Failed(Exception):  # noqa: N818
    """The input met neither a result nor a proper refusal."""


# ---------------------------------------------------------------------------------- functions

# The smallest arguments by parameter name; where functions differ in what a name means, by both.
_ARGUMENTS: dict[str, Any] = {
    "pmf": [0.5, 0.5], "returns": [0.0, 10.0], "n": 10, "kappa": 0.25, "eps": 0.25, "width": 1.0,
    "optimum_value": 6.0, "horizon": 16, "hitting_times": [3.0, math.inf], "hazard": 0.5,
    "prompt_mass": 1.0, "error": 0.01, "delta": 0.05, "style_mass": [0.5, 0.5],
    "style_return": [10.0, 10.0], "noise": 0.1, "tolerance": 1, "coverage": 0.25, "light": 4,
    "sigma_expert": 5.0, "sigma": 5.0, "log_class_size": 2.0, "success": 0.25, "tries": 2,
    "wrong_answers": 2, "false_positive": 0.2, "true_positive": 0.9, "accept_right": 0.9,
    "accept_wrong": 0.4, "fix": 0.25, "spoil": 0.5, "rounds": 2, "answers": [0.5, 0.3, 0.2],
    "steps": 4, "gap": [-1.0, 1.0], "best": 240.0, "common": 239.0, "mass": 0.25, "budget": 8,
    "right": [0.0, 0.25, 0.0], "wrong": [0.7, 0.0, 0.05], "chance": 0.1, "vf_lower": 6.0,
    "vb_upper": 1.0, "scores": [0.0, 1.0], "costs": [2, 3], "solved": [True, False], "k": 2,
    "n_samples": 4, "n_correct": 1, "auc": 0.8, "aucs": [0.8, 0.7], "correlation": 0.2,
    "accept": [0.9, 0.1], "votes": [[0.5, 0.1], [0.1, 0.3]], "target": [0, 1],
    "vocabulary": 2, "skills": [0.5], "weights": [1.0], "names": ("sft",), "name": "sft",
    "value": 1.0, "blocks": [2], "expert": [0.5, 0.5], "fold": 2.0, "bias": 0.1,
    "before": [0.5, 0.05], "after": [0.9, 0.01], "given": "sft",
}  # fmt: skip


def _special(name: str) -> dict[str, Any]:
    """Arguments of one callable that its parameters' names alone do not give."""
    from antiscale.models import families

    model = ac.load_family("two_point", horizon=16)
    if name.startswith("antiscale.models.families.") and not name.endswith("model_of"):
        return {"name": "two_point", "parameters": {}}
    special: dict[str, dict[str, Any]] = {
        "antiscale.models.families.model_of": {"family": families.family("two_point")},
        "antiscale.load_family": {"name": "two_point"},
        "antiscale.load_class": {"name": "mirror", "model": model},
        "antiscale.chi2_ball_optimum_average": {
            "pmf": [[0.5, 0.5]], "returns": [[0.0, 10.0]], "prompt_mass": [1.0],
        },
        "antiscale.chi2_ball_pessimist": {"returns": [[0.0, 10.0], [10.0, 0.0]]},
        "antiscale.diagnose": {"table": _rollouts()},
        "antiscale.sweep": {
            "config": ac.SweepConfig(horizon=16, repeats=2, rewards=2, prompts=1, styles=2),
        },
        "antiscale.separation": {
            "config": ac.SweepConfig(
                horizon=16, samples=2, repeats=2, rewards=2, prompts=1, styles=2
            ),
            "phase_points": 2,
        },
        "antiscale.bounds.allocation_upper": {
            "tokens": [[0.0, 1.0], [0.0, 1.0]], "values": [[0.0, 0.5], [0.0, 0.1]], "budget": 1.0,
            "prompt_mass": [0.5, 0.5],
        },
        "antiscale.search.allocate": {
            "tokens": [[0.0, 1.0], [0.0, 1.0]], "values": [[0.0, 0.5], [0.0, 0.1]], "budget": 1.0,
            "prompt_mass": [0.5, 0.5],
        },
        "antiscale.search.revise": {"answers": [[1.0, 0.0], [0.0, 1.0]]},
        "antiscale.search.correlated": {"answers": [[1.0, 0.0], [0.0, 1.0]]},
        "antiscale.search.roc": {"false_positive": [0.2], "true_positive": [0.9]},
        "antiscale.search.several": {"true_positive": [0.9], "false_positive": [0.2]},
        "antiscale.bounds.roc_accuracy": {"false_positive": [0.2], "true_positive": [0.9]},
        "antiscale.bounds.pass_at_k_crossing": {"prompt_mass": [0.5, 0.5]},
        "antiscale.bounds.sft_upper_in_probability": {"sigma_expert": [5.0], "prompt_mass": [1.0]},
        "antiscale.search.select": {
            "pmf": np.array([0.5, 0.5]), "law": ac.search.rates([True, False], 0.9, 0.2),
        },
        "antiscale.search.self_correct": {"verifier": ac.search.SelfVerifier()},
        "antiscale.search.search_curves": {
            "config": ac.search.SearchConfig(horizon=16, strategies=("oracle",), budgets=(16,)),
        },
        "antiscale.TraceModel": {
            "family": "mine", "pmf": model.pmf, "hitting_times": model.hitting_times,
            "lengths": model.lengths, "styles": model.styles, "prompt_mass": model.prompt_mass,
        },
        "antiscale.TokenChain": {
            "transition": np.array([[0.5, 0.5], [0.0, 1.0]]), "start": np.array([1.0, 0.0]),
        },
        "antiscale.search.ScoreLaw": {
            "weight": np.ones(1), "mass": np.array([[0.5, 0.5]]).T, "below": np.zeros((2, 1)),
            "above": np.zeros((2, 1)),
        },
    }  # fmt: skip
    return special.get(name, {})


# Optional parameters that are worth giving even so, because others only work with them.
_TOGETHER = {
    "antiscale.bounds.vb_upper": ("kappa", "sigma", "coverage"),
    "antiscale.bounds.vb_upper_terms": ("kappa", "sigma", "coverage"),
    "antiscale.bounds.best_of_n_upper": ("kappa",),
}
# What computes nothing: results, protocols, and the families that load_family makes.
_RESULTS = {"Diagnosis", "SearchResult", "Allocation", "ScoreLaw"}


# The default instance at full size: accepted, after minutes.
_LONG = {("antiscale.separation", "config", label) for label in ("none", "no table")}


def _rollouts() -> Any:
    import pandas as pd

    return pd.DataFrame(
        {"problem": ["a", "a", "b", "b"], "correct": [0, 1, 0, 1], "length": [3, 5, 4, 9]}
    )


def public() -> dict[str, Any]:
    """Every public callable by its full name."""
    homes = {"antiscale": ac, "antiscale.bounds": ac.bounds, "antiscale.search": ac.search}
    for name in ("models.families", "learners", "rewards"):
        homes[f"antiscale.{name}"] = importlib.import_module(f"antiscale.{name}")
    found: dict[str, Any] = {}
    for home, module in homes.items():
        names = [*ac.__all__, *ac._EARLIER] if module is ac else sorted(vars(module))
        for name in names:
            item = getattr(module, name)
            if name.startswith("_") or isinstance(item, types.ModuleType) or not callable(item):
                continue
            # What these packages import from elsewhere is attacked there.
            own = home if home.count(".") and module not in (ac.bounds, ac.search) else "antiscale"
            ours = str(getattr(item, "__module__", "")).startswith(own)
            seen = any(item is other for other in found.values())
            if ours and not seen and name not in _RESULTS and not _is_plain_class(home, item):
                found[f"{home}.{name}"] = item
    return found


def _is_plain_class(home: str, item: Any) -> bool:
    """Classes that only carry what was computed, and those that other functions construct."""
    if not isinstance(item, type):
        return False
    listed = home in ("antiscale.models.families", "antiscale.learners", "antiscale.rewards")
    return listed or issubclass(item, Exception) or hasattr(item, "_fields")


def arguments_of(name: str, item: Any) -> dict[str, Any]:
    """The smallest arguments of a public callable.

    A new function whose parameters have other names is given its own in `_special`.
    """
    special = _special(name)
    chosen = {}
    for parameter in inspect.signature(item).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.name in special:
            chosen[parameter.name] = special[parameter.name]
        elif parameter.default is parameter.empty or parameter.name in _TOGETHER.get(name, ()):
            if parameter.name not in _ARGUMENTS:
                raise LookupError(f"{name} has a new parameter {parameter.name!r}: give the "
                                  "attacker its smallest value")  # fmt: skip
            chosen[parameter.name] = _ARGUMENTS[parameter.name]
    return chosen


def _smallest(item: Any, arguments: dict[str, Any]) -> str:
    """The smallest arguments must be accepted, or hostile ones are refused for nothing."""
    try:
        item(**arguments)
    except InputError as error:
        raise Failed(f"the smallest arguments are refused: {error}") from None
    return "accepted"


def _call(item: Any, arguments: dict[str, Any]) -> str:
    try:
        result = item(**arguments)
    except InputError as error:
        message = str(error)
        if len(message) > LONGEST or "\n" in message or not message:
            raise Failed(f"message of {len(message)} characters: {message:.200}") from None
        return "refused"
    hole = _nan_in(result)
    if hole is not None:
        raise Failed(f"NaN in the result{hole}")
    return "accepted"


# Where NaN is the documented value of what is not known.
_MAY_BE_NAN = {"lengths", "whole_class"}


def _nan_in(result: Any, where: str = "") -> str | None:
    """The place of a NaN in what was returned."""
    if isinstance(result, (str, bytes, type, types.FunctionType)) or result is None:
        return None
    if hasattr(result, "_asdict"):
        result = result._asdict()
    elif dataclasses.is_dataclass(result):
        result = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    if isinstance(result, Mapping):
        parts = {k: _nan_in(v, f"{where}.{k}") for k, v in result.items() if k not in _MAY_BE_NAN}
        return next((place for place in parts.values() if place is not None), None)
    if isinstance(result, (list, tuple)):
        return next((p for v in result if (p := _nan_in(v, where)) is not None), None)
    if isinstance(result, float) or hasattr(result, "__array__"):
        array = np.asarray(result)
        if array.dtype.kind == "f" and np.isnan(array).any():
            return where or " itself"
    return None


def _function_target(name: str, item: Any) -> Target:
    def inputs() -> Iterator[tuple[str, Callable[[], str]]]:
        base = arguments_of(name, item)
        parameters = inspect.signature(item).parameters
        yield "smallest", lambda: _smallest(item, base)
        for parameter in parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL or parameter.name == "progress":
                continue
            given = "unknown_option" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
            if given in ("out",):
                continue
            for label, value in values().items():
                if (name, given, label) in _LONG:
                    continue
                arguments = base | {given: value}
                yield f"{given}={label}", lambda a=arguments: _call(item, a)
        # The same value for all that are alike: shapes agree, so arithmetic is reached.
        alike = [key for key, given in base.items() if isinstance(given, (int, float, list))]
        for label, value in values().items():
            if alike:
                arguments = base | dict.fromkeys(alike, value)
                yield f"all={label}", lambda a=arguments: _call(item, a)

    return Target("function", name, inputs)


def _family_target(family: str) -> Target:
    from antiscale.models import families

    smallest: dict[str, Any] = {"prompts": 1}
    known = families.parameters_of(family)
    base = {k: v for k, v in smallest.items() if k in known}
    if family == "explicit":
        base = {"pmf": [0.5, 0.5], "hitting_times": [3.0, math.inf]}

    def inputs() -> Iterator[tuple[str, Callable[[], str]]]:
        smallest_call = {"name": family, "horizon": 32} | base
        yield "smallest", lambda: _smallest(ac.load_family, smallest_call)
        for key in [*known, "unknown_option"]:
            for label, value in values().items():
                arguments = {"name": family, "horizon": 32} | base | {key: value}
                yield f"{key}={label}", lambda a=arguments: _call(ac.load_family, a)
        for label, value in values().items():
            arguments = {"name": family} | base | {"horizon": value}
            yield f"horizon={label}", lambda a=arguments: _call(ac.load_family, a)
        for horizon in (1, 15, 2**30, 2**40, 2**62):
            arguments = {"name": family, "horizon": horizon} | base
            yield f"horizon={horizon}", lambda a=arguments: _call(ac.load_family, a)

    return Target("function", f"load_family({family!r})", inputs)


def _class_target(name: str) -> Target:
    from antiscale import rewards

    known = [k for k in inspect.signature(rewards.CLASSES[name].of).parameters if k != "model"]
    base = {"hitting_times": [[[3.0, 5.0]]]} if name == "explicit" else {}

    def inputs() -> Iterator[tuple[str, Callable[[], str]]]:
        model = ac.load_family("two_point", horizon=16)
        for key in [*known, "unknown_option"]:
            for label, value in values().items():
                arguments = {"name": name, "model": model} | base | {key: value}
                yield f"{key}={label}", lambda a=arguments: _call(ac.load_class, a)

    return Target("function", f"load_class({name!r})", inputs)


def _bound_target(label: str) -> Target:
    """A result by its label, as `antiscale bounds LABEL --set NAME=VALUE` takes it."""
    from antiscale import registry

    result = registry.RESULTS[label]

    def inputs() -> Iterator[tuple[str, Callable[[], str]]]:
        yield "smallest", lambda: _smallest(result.evaluate, {"given": result.example})
        for missing in result.example:
            given = {k: v for k, v in result.example.items() if k != missing}
            yield f"without {missing}", lambda g=given: _call(result.evaluate, {"given": g})
        for key in [*result.parameters(), "unknown_input"]:
            for name, value in values().items():
                given = dict(result.example) | {key: value}
                yield f"{key}={name}", lambda g=given: _call(result.evaluate, {"given": g})

    return Target("function", f"bounds {label}", inputs)


def _config_target(cls: Any) -> Target:
    """A configuration from a file: any key may hold any TOML value."""
    tables = {"table of tables": {"a": {"b": [1, {"c": 2}]}}, "list of tables": [{"a": 1}],
              "time": datetime.time(1, 2)}  # fmt: skip

    def inputs() -> Iterator[tuple[str, Callable[[], str]]]:
        for key in [*(f.name for f in dataclasses.fields(cls)), "unknown_key"]:
            for label, value in (values() | tables).items():
                yield (
                    f"{key}={label}",
                    lambda k=key, v=value: _call(cls.from_mapping, {"mapping": {k: v}}),
                )
        for label, value in (values() | tables).items():
            yield f"mapping={label}", lambda v=value: _call(cls.from_mapping, {"mapping": v})

    return Target("function", f"{cls.__module__}.{cls.__name__}.from_mapping", inputs)


# ----------------------------------------------------------------------------------- commands

# The smallest arguments of a command; those of a new command are none.
_SMALL: dict[str, tuple[tuple[str, ...], ...]] = {
    "sweep": (
        ("--horizon", "16", "--repeats", "2", "--rewards", "2", "--prompts", "1", "--styles", "2",
         "--quiet"),
    ),
    "separation": (("--horizon", "16", "--repeats", "2", "--set", "prompts=1", "--set",
                    "styles=2", "--no-phase", "--quiet"),),
    "search": (("--horizon", "16", "--strategy", "oracle", "--budget", "16", "--quiet"),),
    "diagnose": (("samples.csv", "--quiet"),),
    "train": (("planted", "--size", "smoke", "--minutes", "0", "--quiet"),),
    "bounds": (("--table", "--horizon", "16"), ("T4a", "--set", "pmf=[0.5,0.5]", "--set",
               "returns=[0,10]", "--set", "n=10", "--set", "kappa=0.25")),
    "certify": (("--rounds", "1", "--bound", "T3a", "--quiet"),),
    "figures": (("gap", "--fast", "--from-rows", "--quiet"),),
    "plot": (("run",),),
    "report": (("run", "--no-sliders", "--quiet"),),
    "diff": (("run", "run"),),
}  # fmt: skip
# What needs a finished run.
_READ_RUNS = {"plot", "report", "diff"}
# What ends with 1 when it has something to report.
_MAY_BE_ONE = {"diff", "certify", "figures"}
# What a person would have to wait for: not pressed here.
_NOT_PRESSED = {"--help", "--version", "--mutants", "--install-completion", "--show-completion"}


def commands() -> dict[str, Any]:
    """Every command by its full name, from the command line's own definition."""
    import typer

    from antiscale.cli import commands

    found: dict[str, Any] = {}

    def walk(command: Any, path: str) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found[path] = command
            return
        for name, each in inner.items():
            walk(each, f"{path} {name}".strip())

    walk(typer.main.get_command(commands.app), "")
    return found


_BUILT: dict[Any, Any] = {}


def run_command(arguments: tuple[str, ...]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of one command, in this process."""
    import typer

    from antiscale import cli
    from antiscale.cli import commands

    # Typer builds all commands from their functions at each call: most of a refusal's time.
    app = commands.app
    if app not in _BUILT:
        _BUILT[app] = typer.main.get_command(app)
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["antiscale", *arguments]
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch("typer.main.get_command", _BUILT.__getitem__),
        ):
            try:
                cli.main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
            else:
                status = 0
    finally:
        sys.argv = before
    return status, out.getvalue(), err.getvalue()


def _command_call(name: str, arguments: tuple[str, ...]) -> str:
    status, out, err = run_command(arguments)
    if status == 1 and name.split()[0] in _MAY_BE_ONE and not err:
        return "accepted"
    if status not in (0, 2, 130):
        raise Failed(f"status {status}: {err[-300:]}")
    if status == 2:
        line = err.removeprefix("antiscale: error: ")
        if line == err or err.count("\n") != 1 or len(line) > LONGEST + 1:
            raise Failed(f"not one short line ({len(err)} characters): {err:.300}")
        if out:
            raise Failed(f"printed before it refused: {out:.100}")
        return "refused"
    if any("shown from" not in line for line in err.splitlines()):
        raise Failed(f"noise on standard error: {err:.300}")
    found = re.search(r".{0,60}\bnan\b(?![/.]).{0,20}", out, re.IGNORECASE)
    # Where "nan" is the folder's name it may well be printed.
    if found and not ("nan" in arguments and Path("nan").exists()):
        raise Failed(f"nan printed: {found[0]!r}")
    return "accepted"


def _smallest_command(name: str, arguments: tuple[str, ...]) -> str:
    if _command_call(name, arguments) != "accepted" and name != "figures":
        raise Failed(f"the smallest arguments are refused: {run_command(arguments)[2]:.200}")
    return "accepted"


def _prepare(name: str) -> None:
    """Put what commands read into the folder where they run."""
    if name in _READ_RUNS and not Path("run").exists():
        status, _, err = run_command(("sweep", *_SMALL["sweep"][0], "--out", "run"))
        if status:
            raise Failed(err)
    if Path("samples.csv").exists():
        return
    _rollouts().to_csv("samples.csv", index=False)
    Path("bytes.toml").write_bytes(b"\xff\xfe\x00")
    Path("empty.toml").write_text("")
    Path("words.toml").write_text("this is no TOML")
    Path("tables.toml").write_text(
        "[horizon]\na = 1\n[family]\nb = 2\n[parameters.prompts]\nc = 3\n[kappa]\n[[seed]]\nx = 1\n"
    )
    Path("parameters.toml").write_text("parameters = 3\n")
    Path("list.toml").write_text("horizon = 16\nparameters = [1, 2]\n")
    Path("date.toml").write_text("horizon = 2024-01-01\n")
    Path("table.json").write_text('{"schema": 3, "results": [1]}')
    Path("worst.json").write_text('{"schema":"antiscale.worst/1","key":"T3a","instance":[1]}')
    Path("folder").mkdir()


_PATHS = ("bytes.toml", "empty.toml", "words.toml", "tables.toml", "parameters.toml", "list.toml",
          "date.toml", "table.json", "worst.json", "folder", "samples.csv", "run")  # fmt: skip


def _command_target(name: str, command: Any) -> Target:
    path = tuple(name.split())
    family = path[-1] if path[0] == "family" else None

    def inputs() -> Iterator[tuple[str, Callable[[], str]]]:
        _prepare(name)
        if name in _SMALL or name == "info":
            line = (*path, *_SMALL.get(name, ((),))[0])
            yield "smallest", lambda x=line: _smallest_command(name, x)
        bases = _SMALL.get(name, (("--horizon", "32"),) if family else ((),))
        for at, base in enumerate(bases):
            for parameter in command.params:
                flags = [f for f in parameter.opts if f.startswith("--")]
                if _NOT_PRESSED & set(parameter.opts):
                    continue
                if getattr(parameter, "is_flag", False):
                    tried = [(flag,) for flag in (*flags, *parameter.secondary_opts)]
                elif not flags:
                    # A positional argument: hostile ones stand in place of the first.
                    for text in (*TEXTS, *_PATHS):
                        rest = base[1:] if base and not base[0].startswith("-") else base
                        line = (*path, "--", text) if not rest else (*path, *_last(rest, text))
                        yield f"{at}: {_short(line)}", lambda x=line: _command_call(name, x)
                    continue
                else:
                    tried = [(flags[0], text) for text in _texts(parameter, family)]
                for extra in tried:
                    line = (*path, *base, *extra)
                    yield f"{at}: {_short(extra)}", lambda x=line: _command_call(name, x)

    return Target("command", name, inputs)


def _last(rest: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The text as positional argument: before the options if it cannot be taken for one."""
    return (text, *rest) if not text.startswith("-") else (*rest, "--", text)


def _texts(parameter: Any, family: str | None) -> Iterator[str]:
    yield from TEXTS
    if any(word in f"{parameter.metavar}" for word in ("FILE", "DIR")):
        yield from _PATHS
    if "NAME=VALUE" in str(parameter.metavar):
        from antiscale.models import families

        known = families.parameters_of(family or "heterogeneous")
        if parameter.opts[0] == "--verifier":
            known = {f.name: None for f in dataclasses.fields(ac.search.SearchConfig)}
        elif parameter.opts[0] == "--set-class":
            known = {"hitting_times": None, "mirrors": None}
        for key in known:
            yield from (f"{key}={text}" for text in TEXTS)


def _short(arguments: tuple[str, ...]) -> str:
    return " ".join(a if len(a) < 40 else f"{a[:20]}...({len(a)})" for a in arguments)


# --------------------------------------------------------------------------------- the attack


def targets() -> dict[str, Target]:
    """All there is to attack, by name."""
    from antiscale import registry
    from antiscale.models.families import FAMILIES
    from antiscale.rewards import CLASSES
    from antiscale.rollouts.config import DiagnoseConfig

    found = [_function_target(name, item) for name, item in public().items()]
    found += [_family_target(name) for name in FAMILIES]
    found += [_class_target(name) for name in CLASSES]
    found += [_bound_target(label) for label in registry.RESULTS]
    found += [
        _config_target(cls) for cls in (ac.SweepConfig, ac.search.SearchConfig, DiagnoseConfig)
    ]
    found += [_command_target(name, command) for name, command in commands().items()]
    return {target.name: target for target in found}


def attack(target: Target, *, every: int = 1, offset: int = 0) -> Iterator[Outcome]:
    """Feed the target its inputs, or every so-manieth of them; in the current folder."""
    # A small machine: what takes minutes is refused, by its estimate.
    small = mock.patch.dict(os.environ, {machine.GIB_VARIABLE: "4", machine.HOURS_VARIABLE: "0.01"})
    for place, (name, call) in enumerate(target.inputs()):
        if (place + offset) % every:
            continue
        _forget_peak()
        start = time.process_time()
        try:
            with _guard(), small, warnings.catch_warnings():
                warnings.simplefilter("error")
                verdict, detail = call(), ""
        except Failed as failure:
            verdict, detail = "failed", str(failure)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            verdict, detail = "failed", type(error).__name__
            with contextlib.suppress(ValueError):  # a number of too many digits
                detail += f": {str(error)[:300]}"
        spent = time.process_time() - start
        peak = _peak_kib()
        if verdict == "refused" and spent > CPU_SECONDS:
            verdict, detail = "failed", f"refused after {spent:.1f} CPU-seconds"
        if peak > PEAK_KIB:
            verdict, detail = "failed", f"peak memory of {peak / 2**20:.1f} GiB {detail}"
        yield Outcome(target.name, name, verdict, detail, spent)


def _forget_peak() -> None:
    """Let Linux count the process's peak memory from here."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_kib() -> int:
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1])
    return 0


@contextlib.contextmanager
def _guard() -> Iterator[None]:
    """Against hanging only."""

    def stop(*_: Any) -> None:
        raise Failed(f"no end within {GUARD_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(GUARD_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def count(target: Target, outcomes: list[Outcome]) -> dict[str, Any]:
    """One row of attacker.csv."""
    verdicts = [outcome.verdict for outcome in outcomes]
    refusals = [o.cpu_s for o in outcomes if o.verdict == "refused"]
    return {
        "kind": target.kind, "name": target.name, "inputs": len(verdicts),
        "refused": verdicts.count("refused"), "accepted": verdicts.count("accepted"),
        "failures": verdicts.count("failed"),
        "slowest_refusal_cpu_s": round(max(refusals, default=0.0), 1),
    }  # fmt: skip


def keep(row: dict[str, Any]) -> None:
    """Put a target's row into attacker.csv, in the order of the targets; those gone go."""
    import pandas as pd

    # Several attackers may run at a time.
    with (Path(tempfile.gettempdir()) / "antiscale-attacker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows: dict[str, Any] = {}
        if COUNTS.exists():
            rows = {r["name"]: r for r in pd.read_csv(COUNTS).to_dict("records")}
        rows[row["name"]] = row
        table = pd.DataFrame([rows[name] for name in targets() if name in rows])
        table.to_csv(COUNTS, index=False)


def main(arguments: list[str]) -> int:
    """Attack all targets, or those whose names hold one of the arguments, and count.

    --every=N feeds each Nth input, and then keeps no count.
    """
    every = [int(a.removeprefix("--every=")) for a in arguments if a.startswith("--every=")]
    names = [a for a in arguments if not a.startswith("--")]
    known = targets()
    exact = [name for name in names if name in known]
    chosen = {k: known[k] for k in exact or known if exact or any(n in k for n in names or [""])}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path.cwd()
        os.chdir(folder)
        try:
            for target in chosen.values():
                outcomes = []
                for outcome in attack(target, every=every[0] if every else 1):
                    outcomes.append(outcome)
                    if outcome.verdict == "failed":
                        print(f"{outcome.target} | {outcome.input} | {outcome.detail}", flush=True)
                rows.append(count(target, outcomes))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if not every:
                    keep(rows[-1])
        finally:
            os.chdir(home)
    total = {key: sum(row[key] for row in rows) for key in ("inputs", "failures")}
    print(f"{total['inputs']} inputs, {total['failures']} failures")
    return 1 if total["failures"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
