"""Commands whose options are the fields of dataclasses.

A field's metadata (`core.config.option`) says how the command line takes it, its type what kind of
value that is, and its description in the class's docstring is what `--help` shows.
"""

import dataclasses
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli import typed
from antiscale.core import validate
from antiscale.core.config import FromMapping, described, option, read_config, type_of
from antiscale.core.numbers import setting


class Flags(FromMapping):
    """Options that are no configuration's: messages call them by their flags."""

    @staticmethod
    def said(name: str) -> str:
        """Return the flag of a field."""
        return f"--{name.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class Run(Flags):
    """A finished run.

    Parameters
    ----------
    run
        A results folder.
    """

    run: Path = option(metavar="RUN", argument=True)


class Options:
    """Fields of one dataclass as options of a command.

    Parameters
    ----------
    cls
        The dataclass; the command gets an instance of it.
    names
        The fields, separated by blanks; all, if empty.
    presets
        Kind of the configurations that `--config` reads by name; no such option, if empty.
    group
        Heading in `--help`, instead of each field's own.
    make
        Called with the values that were given, by name; default: `cls.from_mapping`.
    texts
        By field: what `--help` says in this command, instead of the docstring's description.
    """

    def __init__(
        self, cls: type[FromMapping], names: str = "", *, presets: str = "", group: str = "",
        make: Callable[[dict[str, Any]], Any] | None = None, **texts: str,
    ) -> None:  # fmt: skip
        fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        self._fields = [fields[name] for name in names.split() or fields]
        if not names:
            self._fields = [f for f in self._fields if not f.metadata.get("via")]
        self._via: dict[str, list[str]] = {}
        for name, field in fields.items():
            if via := field.metadata.get("via"):
                self._via.setdefault(via, []).append(name)
        self._help = {
            name: text.replace("`", "")
            for names, text in described(cls).items()
            for name in names.partition(" : ")[0].split(", ")
        } | texts
        self._make = cls.from_mapping if make is None else make
        self._presets, self._group = presets, group

    def parameters(self) -> list[inspect.Parameter]:
        """Return the parameters from which Typer makes the options."""
        made = [self._parameter(field) for field in self._fields]
        for via, names in self._via.items():
            text = f"A property of the {via}s; repeatable. Names: {', '.join(names)}."
            about = typer.Option(f"--{via}", metavar="NAME=VALUE", help=text)
            made.append(_parameter(via, list[str] | None, about, None))
        if self._presets:
            text = "Options of a preset (antiscale info) or a file; flags override them."
            about = typer.Option("--config", metavar="NAME|FILE.toml", help=text)
            made.append(_parameter("config", str | None, about, None))
        return made

    def _parameter(self, field: dataclasses.Field[Any]) -> inspect.Parameter:
        about, kind = field.metadata, type_of(field)
        required = field.default is field.default_factory is dataclasses.MISSING
        typing: Any = bool if kind == "bool" else Path if "Path" in kind else str
        if kind.startswith(("tuple", "Mapping")):
            typing = list[str]
        default = field.default if kind == "bool" else inspect.Parameter.empty if required else None
        text = self._help.get(field.name, "")
        if about["argument"]:
            info: Any = typer.Argument(metavar=about["metavar"], help=text)
        else:
            text += "" if "Default" in text else _default(field)
            info = typer.Option(
                *_flags(field), metavar=about["metavar"] or None, help=text,
                rich_help_panel=self._group or about["group"] or None,
            )  # fmt: skip
        typing = typing if default is not None else typing | None
        return _parameter(field.name, typing, info, default)

    def value(self, given: dict[str, Any]) -> Any:
        """Return the dataclass from what Typer parsed; a preset's values are below it."""
        found: dict[str, Any] = {}
        if self._presets and given["config"] is not None:
            found = read_config(presets.find(self._presets, given["config"]))
        tables: dict[str, Any] = {}
        for field in self._fields:
            value = given[field.name]
            if value in (None, []) or (isinstance(value, bool) and value == field.default):
                continue
            value = _read(field, value)
            (tables if type_of(field) == "Mapping[str, Any]" else found)[field.name] = value
        for via, names in self._via.items():
            for text in given[via] or []:
                name, value = typed.assignment(text, f"--{via}", "auc=0.8")
                validate.keys(f"--{via} has no", [name], sorted(names))
                found[name] = value
        for name, table in tables.items():
            found[name] = validate.table(name, found.get(name, {})) | table
        return self._make(found)


def _parameter(name: str, typing: Any, info: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[typing, info]
    )


def _flags(field: dataclasses.Field[Any]) -> list[str]:
    named: str = field.metadata["flag"] or Flags.said(field.name)
    return named.split()


def _default(field: dataclasses.Field[Any]) -> str:
    """The sentence that names a default, if there is one."""
    value = field.default
    if isinstance(value, bool) or value in (None, (), "") or value is dataclasses.MISSING:
        return ""
    several = value if isinstance(value, tuple) else (value,)
    said = [setting(each) if isinstance(each, int | float) else str(each) for each in several]
    return f" Default: {', '.join(said)}."


def _read(field: dataclasses.Field[Any], value: Any) -> Any:
    """What was typed, as the kind of value that the field's type says."""
    kind, flag = type_of(field), _flags(field)[0]
    if kind == "Mapping[str, Any]":
        return dict(typed.assignment(text, flag) for text in value)
    if kind.startswith("Mapping"):
        return typed.pairs(flag, value)
    if not re.search(r"\b(int|float)\b", kind):
        return value
    if isinstance(value, list):
        return field.metadata["order"](typed.numbers(flag, value))
    return typed.number(flag, value)


def command(*groups: Options) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that makes a command of a function of the groups' dataclasses.

    The function's docstring is the command's help; its section "Examples" is shown last.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            function(*(group.value(given) for group in groups))

        run.__name__ = function.__name__
        run.__module__ = function.__module__
        run.__doc__ = function.__doc__
        parameters = [parameter for group in groups for parameter in group.parameters()]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate


def add(app: typer.Typer, run: Callable[..., None], name: str = "", **about: Any) -> None:
    """Add a command to an application, with its docstring as its help."""
    text, _, examples = (inspect.getdoc(run) or "").partition("\n\nExamples\n--------\n")
    lines = [f"  {line.strip()}" for line in examples.splitlines() if line.strip()]
    heading = f"[bold]Example{'s' if len(lines) > 1 else ''}[/bold]"
    epilog = "\n" + "\n\n".join([heading, *lines]) if lines else None
    app.command(name or run.__name__, **({"help": text, "epilog": epilog} | about))(run)
