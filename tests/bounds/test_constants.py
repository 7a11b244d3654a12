"""The validated constants, and the digits that documents show of them."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

import antiscale as ac
from antiscale.bounds.constants import constants

DOCUMENT = (Path(__file__).parents[2] / "paper_bounds.md").read_text()


@pytest.fixture(scope="module")
def found():
    return constants()


def test_brackets_are_narrow_and_hold_an_independent_value(found) -> None:
    """The same numbers by mpmath's optimisation and quadrature, to 25 digits."""
    with mpmath.workdps(40):

        def largest(f, start):
            place = mpmath.findroot(lambda t: mpmath.diff(f, t), start)
            return f(place), place

        two, where = largest(lambda t: t * (1 - mpmath.sqrt(1 - mpmath.exp(-(t**2)))), 0.6)
        exact, _ = largest(lambda t: 2 * t * (1 - mpmath.ncdf(t)), 0.75)
        grid = (
            mpmath.quad(
                lambda h: 1 - mpmath.sqrt(1 - mpmath.exp(-(h**2) / 4)), [0, 1e-6, 1, 4, 12, 30]
            )
            / 2
        )
        root = mpmath.sqrt(2 / mpmath.pi)
        other = {
            "two_point": two, "two_point_exact": exact, "many_point": grid,
            "many_point_exact": root, "many_point_share": grid / root,
            "unseen": mpmath.exp(-1), "fast": mpmath.exp(-1) / 4, "slow": two / mpmath.sqrt(8),
            "slow_expected": where**2,
            "slow_at_one": (1 - mpmath.sqrt(1 - mpmath.exp(-1))) / mpmath.sqrt(8),
        }  # fmt: skip
        assert other.keys() == found.keys()
        for name, value in other.items():
            constant = found[name]
            assert constant.high - constant.low < Fraction(1, 10**14), name
            slack = 1e-12 if name == "many_point" or name == "many_point_share" else 1e-20
            assert mpmath.mpf(constant.low.numerator) / constant.low.denominator <= value + slack
            assert mpmath.mpf(constant.high.numerator) / constant.high.denominator >= value - slack


def test_digits_are_rounded_outwards(found) -> None:
    for constant in found.values():
        low, high = map(Fraction, constant.digits(12))
        assert low <= constant.low <= constant.high <= high
        assert high - low <= Fraction(2, 10**12)


def test_the_documents_digits_lie_in_their_brackets(found) -> None:
    table = re.findall(r"^\| (T\w+) \| `.*` \| \[([\d.]+), ([\d.]+)\] \|", DOCUMENT, re.MULTILINE)
    assert table == [(c.label, *c.digits()) for c in found.values()]
    quoted = {
        "two_point": "0.270116046864", "two_point_exact": "0.339942414959",
        "many_point": "0.628542249394", "many_point_exact": "0.797884560802",
        "many_point_share": "0.787760887066", "unseen": "0.367879441171",
        "fast": "0.091969860292", "slow": "0.095500444222", "slow_expected": "0.352868006689",
        "slow_at_one": "0.072457197354",
    }  # fmt: skip
    body = DOCUMENT.split("## The constants")[0]
    for name, digits in quoted.items():
        assert digits in body, name
        assert found[name].digits()[0] == digits
    # No other number of that many digits stands in the proofs.
    assert set(re.findall(r"(?<![\d.])0\.\d{12,}", body)) == set(quoted.values())


def test_the_bounds_tend_to_them(found) -> None:
    n = 10**9
    for form, overlap, name, rel in (
        ("two_point", "affinity", "two_point", 1e-3),
        ("two_point", "exact", "two_point_exact", 1e-3),
        ("many_point", "affinity", "many_point", 0.03),
    ):
        value = ac.bounds.vf_lower([0.5, 0.5], [0.0, 2.0], n, form=form, overlap=overlap)
        assert float(value) * n**0.5 == pytest.approx(float(found[name].low), rel=rel)
        assert float(value) * n**0.5 <= float(found[name].high) * (1 + 1e-4)
    assert ac.bounds.best_expected() == pytest.approx(float(found["slow_expected"].low), abs=1e-6)
    slow = ac.bounds.vb_lower_slow(1.0, 1e14, 1e5, 0.25) / np.sqrt(0.25 * 1e5 / 1e14)
    assert slow == pytest.approx(float(found["slow"].low), rel=1e-3)
    fast = ac.bounds.vb_lower_fast(1.0, 1e7, 3, 0.25) / (0.5 * 3 / 1e7)
    assert fast == pytest.approx(float(found["fast"].low), rel=1e-6)
    assert ac.bounds.unseen_mass([1e-6], 1e6) * 1e6 == pytest.approx(
        float(found["unseen"].low), rel=1e-5
    )


def test_without_the_library_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "flint", None)
    with pytest.raises(ac.InputError, match=r"pip install python-flint"):
        constants()
