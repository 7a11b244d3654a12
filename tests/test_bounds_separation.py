"""T9: certified gaps and exponents."""

from __future__ import annotations

import numpy as np
import pytest

import antiscale as ac


def test_the_certified_gap_is_a_difference() -> None:
    found = ac.bounds.certified_gap([3.0, np.nan], [[1.0], [5.0]])
    np.testing.assert_array_equal(found, [[2.0, np.nan], [-2.0, np.nan]])


@pytest.mark.parametrize(
    ("gaps", "start"),
    [
        ([1, 2, 3], 0),
        ([-1, 2, 3], 1),
        ([1, -1, 3], 2),
        ([1, 2, -3], None),
        ([np.nan, 1], 1),
        ([1, np.nan], None),
        ([0, 0], None),
        ([], None),
    ],
)
def test_a_gap_is_certified_from_the_start_of_the_last_positive_run(gaps, start) -> None:
    assert ac.bounds.certified_from(gaps) == start


def test_exponents_are_theorys() -> None:
    assert ac.bounds.vf_exponent(1.0, 1.0) == 0.5
    assert ac.bounds.vb_exponent(1.0) == 0.0
    assert ac.bounds.gap_exponent(1.0, 1.0) == 0.5
    assert ac.bounds.vf_exponent(0.5, 1.0) == 0.0  # homogeneous


def test_cloning_outgrows_verification_iff_sigma_grows_faster_than_one_minus_half_b() -> None:
    for a in np.linspace(0, 1, 11):
        for b in np.linspace(0, 2, 11):
            found = ac.bounds.gap_exponent(float(a), float(b))
            if a > 1 - b / 2 + 1e-12:
                assert found == pytest.approx(a - b / 2)
            elif a < 1 - b / 2 - 1e-12:
                assert found is None


def test_exponents_must_be_finite() -> None:
    with pytest.raises(ac.InputError, match="sigma must be finite"):
        ac.bounds.vf_exponent(np.inf, 1.0)
