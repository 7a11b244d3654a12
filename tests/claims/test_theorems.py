"""`ac.theorems`: the record of each theorem, its worked number, and its check against the truth."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

import antiscale as ac
from antiscale.certify import CHECKS
from antiscale.core.theorem import KINDS, THEOREMS, printed, theorem
from antiscale.registry import RESULTS

DOCUMENT = (Path(__file__).parents[2] / "paper_bounds.md").read_text()


def test_the_mapping_holds_every_label_in_the_documents_order() -> None:
    assert list(ac.theorems) == re.findall(r"^\| \[(T\w+)\]\(#", DOCUMENT, re.MULTILINE)
    assert list(ac.theorems) == list(RESULTS)
    assert len(ac.theorems) == len(RESULTS)
    assert "T4c" in ac.theorems
    assert "T4x" not in ac.theorems
    assert repr(ac.theorems).count("\n") == len(RESULTS) - 1
    with pytest.raises(ac.InputError, match="unknown label 'T4x'; did you mean"):
        ac.theorems["T4x"]


def worked(label: str) -> list[str]:
    """The numbers that the label's section gives for its example."""
    return re.findall(
        rf"`antiscale bounds {label}(?: --set \S+=\S+)*` = ((?:\w+ )?[\w.+,\- ]*?) (?:[a-z-]+) \|",
        DOCUMENT,
    )


@pytest.mark.parametrize("label", RESULTS)
def test_a_theorem_says_what_it_is_and_its_worked_number_is_the_documents(label: str) -> None:
    found = ac.theorems[label]
    assert found.label == label
    assert found.kind in KINDS
    assert f"`{found.statement}`".replace("|", r"\|") in DOCUMENT
    assert f"]({found.anchor.removeprefix('paper_bounds.md')})" in DOCUMENT
    assert callable(found.function)
    value = found.value
    parts = value.values() if isinstance(value, dict) else [value]
    names = [f"{name} " for name in value] if isinstance(value, dict) else [""]
    shown = ", ".join(f"{name}{part:.6g}" for name, part in zip(names, parts, strict=True))
    assert shown in worked(label)
    name, statement, call, last = repr(found).splitlines()
    assert name.startswith(f"{label}  {found.name}")
    assert statement.strip() == found.statement
    assert call.strip().startswith(f"{found.public_name}(")
    assert last.strip().startswith(f"= {printed(value, found.toward)} {found.unit}")
    assert html.escape(found.statement) in found._repr_html_()


@pytest.mark.parametrize("label", RESULTS)
def test_a_theorem_holds_at_an_instance_of_its_own(label: str) -> None:
    found = ac.theorems[label]
    assert list(found.checks.values()) == [c for c in CHECKS.values() if c.label == label]
    checked = found.check()
    assert checked.holds
    assert checked.direction == found.direction
    assert checked.arena == next(iter(found.checks))
    slack = 1e-7 * checked.truth + 1e-11
    if found.direction != "upper":
        assert 0 < checked.bound <= checked.truth + slack
    if found.direction != "lower":
        assert 0 < checked.truth <= checked.bound + slack
    assert str(checked).startswith(f"{label} holds: bound ")


def test_a_check_depends_on_its_seed_and_arena_alone() -> None:
    found = ac.theorems["T4a"]
    assert found.check("two types", seed=3) == found.check("two types", seed=3)
    assert found.check("two types", seed=3) != found.check("two types", seed=5)
    with pytest.raises(ac.InputError, match="unknown arena 'nowhere'; allowed: families"):
        found.check("nowhere")


def test_a_wrong_bound_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = type(RESULTS["T3a"])(**vars(RESULTS["T3a"]) | {"function": lambda eps: 0.5 / (1 + eps)})
    monkeypatch.setitem(RESULTS, "T3a", wrong)
    checked = ac.theorems["T3a"].check("two values")
    assert not checked.holds
    assert "is violated" in str(checked)


def test_a_theorem_of_ones_own_joins_the_others() -> None:

    @theorem("T99", "mine", "x <= 2 x", kind="valid", direction="upper", learner="me",
             origin="ours", example={"x": 3.0}, home="mine")  # fmt: skip
    def twice(x: float) -> float:
        return 2 * x

    try:
        found = ac.theorems["T99"]
        assert list(ac.theorems)[-1] == "T99"
        assert (found.value, found.public_name, twice(1)) == (6.0, "mine.twice", 2)
        assert found.figure is None
        with pytest.raises(ac.InputError, match="the falsifier has no check of T99"):
            found.check()
    finally:
        del THEOREMS["T99"]
