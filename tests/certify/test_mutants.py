"""The attacker attacked: wrong bounds, each of which it must catch."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiscale.certify import CHECKS, ledger
from antiscale.certify.check import SLACK
from antiscale.certify.mutants import MUTANTS, Mutant, caught, scaled
from antiscale.registry import RESULTS

LEDGER = Path(__file__).parents[2] / "experiments" / "certify"
WORST = {row["label"]: row["worst"] for row in ledger.read(LEDGER).summary()}


def test_every_result_has_a_mutant() -> None:
    assert {mutant.label for mutant in MUTANTS} == set(RESULTS)
    names = [(mutant.label, mutant.error) for mutant in MUTANTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.label}: {m.error}")
def test_every_wrong_bound_is_caught(mutant: Mutant) -> None:
    found = caught(mutant)
    assert found is not None
    if found.how == "crossed":
        check = CHECKS[found.key]
        assert check.ratio(found.instance, mutant.bound) > 1 + SLACK
        # It is the mutation that is wrong there, not the bound.
        right = check.ratio(found.instance)
        assert right is None or right <= 1 + SLACK


# Each of their instances is dear; the wrong bounds above are caught at once.
_DEAR = {"T4c", "T9"}


@pytest.mark.parametrize(
    "label", [pytest.param(x, marks=[pytest.mark.slow] * (x in _DEAR)) for x in RESULTS]
)
def test_every_bound_a_little_off_its_worst_ratio_is_caught(label: str) -> None:
    mutant = scaled(label, min(WORST[label], 1.0))
    assert caught(mutant) is not None


@pytest.mark.parametrize(
    "label", ["T5a", *(pytest.param(x, marks=pytest.mark.slow) for x in ("T4a", "T6b", "T7b"))]
)
def test_the_right_bound_is_not_caught(label: str) -> None:
    assert caught(Mutant(label, "nothing", RESULTS[label]), rounds=1) is None
