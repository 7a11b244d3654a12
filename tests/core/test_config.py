"""Fields that check themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

import antiscale as ac
from antiscale.core import validate
from antiscale.core.config import FromMapping, described, option


@dataclass(frozen=True, kw_only=True)
class Place(FromMapping):
    """A place.

    Parameters
    ----------
    high, low : float
        Ends
        of it.
    name
        Its name.
    """

    high: float = option(1.0, validate.real, above=0, most=2)
    low: float | None = option(None, validate.chance)
    name: str = "none"

    def agree(self) -> None:
        """Refuse ends in the wrong order."""
        if self.low is not None and self.low > self.high:
            raise ac.InputError("low must be below high")


def test_fields_check_and_keep_what_the_check_returns() -> None:
    assert Place(high=2).high == 2.0
    assert isinstance(Place(high=2).high, float)
    assert Place(low=None).low is None
    for given, words in (
        ({"high": 0}, r"high must lie in \(0, 2\]; got 0"),
        ({"high": None}, "high must be a number; got None"),
        ({"low": 1.5}, r"low must lie in \[0, 1\]"),
        ({"low": 0.75, "high": 0.5}, "low must be below high"),
        ({"hihg": 1}, "unknown config key 'hihg'; did you mean 'high'"),
    ):
        with pytest.raises(ac.InputError, match=words):
            Place.from_mapping(given)


def test_descriptions_are_those_of_the_docstring() -> None:
    assert described(Place) == {"high, low : float": "Ends of it.", "name": "Its name."}
    assert described(FromMapping) == {}


@pytest.mark.parametrize(
    ("ends", "value", "words"),
    [
        ({"above": 0}, 0, "x must be > 0; got 0"),
        ({"least": 1}, 0.5, "x must be >= 1; got 0.5"),
        ({"least": 0, "note": "a radius"}, -1, r"x must be >= 0 \(a radius\); got -1"),
        ({"above": 0, "most": 16}, 16.5, r"x must lie in \(0, 16\]; got 16.5"),
        ({"least": 0, "below": 0.5}, 0.5, r"x must lie in \[0, 0.5\); got 0.5"),
        ({}, math.inf, "x must be finite; got inf"),
    ],
)
def test_real_numbers_lie_within_their_ends(ends: dict, value: float, words: str) -> None:
    with pytest.raises(ac.InputError, match=words):
        validate.real("x", value, **ends)


def test_real_numbers_reach_their_ends() -> None:
    assert validate.real("x", 16, above=0, most=16) == 16.0
    assert validate.real("x", 0, least=0, below=0.5) == 0.0


def test_one_or_several() -> None:
    assert validate.each("x", 3, of=validate.integer, least=1) == (3,)
    assert validate.each("x", [1.0, 2], of=validate.integer, least=1) == (1, 2)
    assert validate.names("x", "a") == ("a",)
    assert validate.names("x", ["a", "b"]) == ("a", "b")
    assert validate.rising([2, 1, 2]) == [1, 2]
    with pytest.raises(ac.InputError, match="x must be some names"):
        validate.names("x", [], allowed="some names", least=1)
    with pytest.raises(ac.InputError, match="x must be a whole number"):
        validate.each("x", "text", of=validate.integer, least=1)
