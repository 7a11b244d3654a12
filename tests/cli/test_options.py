"""Options made from the fields of dataclasses."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import antiscale as ac
from antiscale.cli import commands
from antiscale.cli.options import Flags, Options, add, command
from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.learners import BUILT_IN
from antiscale.models.families import FAMILIES
from antiscale.rewards import CLASSES
from antiscale.rollouts.config import DiagnoseConfig
from antiscale.search.config import SearchConfig
from antiscale.sweeps.config import EXPERTS, FORMS, SweepConfig

APP: Any = typer.main.get_command(commands.app)


@dataclass(frozen=True, kw_only=True)
class Mine(FromMapping):
    """A configuration.

    Parameters
    ----------
    size
        Size in `tokens`.
    rates
        A rate; repeatable.
    names, table
        Several.
    pairs
        Pairs.
    """

    size: int = option(3, validate.integer, "N", group="Sizes", least=1)
    rates: tuple[float, ...] = option((0.5, 2.0), validate.each, "X", of=validate.real, least=0)
    names: tuple[str, ...] = option((), validate.names, "NAME", flag="--name -n")
    table: Mapping[str, Any] = option(dict, validate.table, "NAME=VALUE", flag="--set")
    pairs: Mapping[str, str] = option(dict, metavar="OURS=THEIRS")


@dataclass(frozen=True, kw_only=True)
class Own(Flags):
    """Options of the command.

    Parameters
    ----------
    file
        A file.
    fast
        Do it fast.
    whole_number
        A number.
    """

    file: Path = option(metavar="FILE", argument=True)
    fast: bool = option(False)
    whole_number: int | None = option(None, validate.integer, least=2)


@pytest.fixture
def ran() -> Any:
    """Run a command of both, and return what its function got, or what was printed or raised."""
    got: list[Any] = []

    @command(Options(Own), Options(Mine, rates="Rates. Default: all."))
    def mine(own: Own, config: Mine) -> None:
        """Do.

        Examples
        --------
        antiscale mine a
        antiscale mine b
        """
        got[:] = [own, config]

    app = typer.Typer(rich_markup_mode="rich")
    add(app, mine)

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"})
        if "--help" in arguments:
            return " ".join(result.output.replace("│", " ").split())
        return result.exception if result.exception is not None else tuple(got)

    return run


def test_a_command_gets_its_dataclasses(ran: Any) -> None:
    assert ran("f.csv") == (Own(file=Path("f.csv")), Mine())
    own, config = ran(
        "f.csv", "--fast", "--whole-number", "1e3", "--size", "5", "--rates", "1,0.5,", "--rates",
        "2", "-n", "a", "--name", "b", "--set", "p=[1,2]", "--set", "q=inf", "--pairs", "a=b,c=d",
    )  # fmt: skip
    assert own == Own(file=Path("f.csv"), fast=True, whole_number=1000)
    assert config == Mine(
        size=5, rates=(1.0, 0.5, 2.0), names=("a", "b"), table={"p": [1, 2], "q": float("inf")},
        pairs={"a": "b", "c": "d"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "0"], "size must be a whole number >= 1"),
        (["--size", "x"], "--size must be a number; got 'x'"),
        (["--rates", ","], "--rates must be a number; got ''"),
        (["--rates", "-1"], "rates must be >= 0; got -1"),
        (["--whole-number", "1"], "--whole-number must be a whole number >= 2"),
        (["--set", "p"], "--set takes NAME=VALUE"),
        (["--pairs", "a=b,a=c"], "--pairs names a twice"),
    ],
)
def test_messages_name_what_was_typed(ran: Any, arguments: list[str], words: str) -> None:
    error = ran("f.csv", *arguments)
    assert isinstance(error, ac.InputError)
    assert words in str(error)


def test_help_comes_from_the_docstring_and_the_fields(ran: Any) -> None:
    text = ran("--help")
    for words in (
        "FILE", "A file.", "--fast", "Do it fast.", "Size in tokens. Default: 3.", "Sizes",
        "Rates. Default: all.", "--name -n NAME Several.", "Examples",
        "antiscale mine a", "antiscale mine b",
    ):  # fmt: skip
        assert words in text, words
    assert "Parameters" not in text
    assert "--------" not in text


def each(command: Any = APP) -> Iterator[Any]:
    """Every command."""
    yield command
    for sub in getattr(command, "commands", {}).values():
        yield from each(sub)


def test_every_option_is_described() -> None:
    for one in each():
        for parameter in one.params:
            assert parameter.help or parameter.name == "help", (one.name, parameter.name)


def test_the_help_of_a_sweep_names_what_there_is_and_each_default() -> None:
    helps = {parameter.name: parameter.help for parameter in APP.commands["sweep"].params}
    for option_, names in (
        ("family", FAMILIES), ("reward_class", CLASSES), ("learner", BUILT_IN), ("expert", EXPERTS),
        ("form", FORMS),
    ):  # fmt: skip
        for name in names:
            assert re.search(rf"\b{name}\b", helps[option_]), name
    for field in dataclasses.fields(SweepConfig):
        if isinstance(field.default, int | float | str) and not isinstance(field.default, bool):
            shown = f"{field.default:g}" if isinstance(field.default, float) else field.default
            assert f"Default: {shown}." in helps[field.name], field.name


@pytest.mark.parametrize("cls", [SweepConfig, SearchConfig, DiagnoseConfig])
def test_every_field_of_a_configuration_is_an_option(cls: Any) -> None:
    name = {SweepConfig: "sweep", SearchConfig: "search", DiagnoseConfig: "diagnose"}[cls]
    options = {parameter.name: parameter for parameter in APP.commands[name].params}
    for field in dataclasses.fields(cls):
        via = field.metadata["via"]
        assert (field.name in options) != bool(via)
        assert not via or field.name in options[via].help
