"""The constants of T4, T6 and T8, enclosed by validated interval arithmetic (Arb).

Every digit shown is proved: balls that hold the number are carried through each operation, maxima
are enclosed between a point and a bracket outside of which the derivative has a strict sign, and
integrals are Arb's rigorous ones. Needs python-flint.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from antiscale.core.errors import InputError

_BITS = 128


class Constant(NamedTuple):
    """A constant between two rational numbers.

    Attributes
    ----------
    label
        Where in paper_bounds.md it stands.
    meaning
        What it multiplies.
    formula
        Its definition.
    low, high
        Proved: low <= constant <= high.
    """

    label: str
    meaning: str
    formula: str
    low: Fraction
    high: Fraction

    def digits(self, places: int = 12) -> tuple[str, str]:
        """The bracket in decimals, rounded outwards."""
        scale = 10**places
        low = self.low.numerator * scale // self.low.denominator
        high = -(-self.high.numerator * scale // self.high.denominator)
        return _decimal(low, places), _decimal(high, places)


def _decimal(value: int, places: int) -> str:
    whole, rest = divmod(value, 10**places)
    return f"{whole}.{rest:0{places}d}"


def constants() -> dict[str, Constant]:
    """Enclose every constant of T4a, T4c, T6b, T8a and T8b that is not rational, by name.

    Raises
    ------
    InputError
        If python-flint is not installed.
    """
    try:
        import flint
    except ImportError:
        raise InputError(
            "the constants are enclosed by python-flint, which is not installed; run: "
            "pip install python-flint"
        ) from None
    kept = flint.ctx.prec
    flint.ctx.prec = _BITS
    try:
        return {
            name: Constant(label, meaning, formula, *_rational(value))
            for name, (label, meaning, formula, value) in _enclosed(flint).items()
        }
    finally:
        flint.ctx.prec = kept


def _enclosed(flint: Any) -> dict[str, tuple[str, str, str, Any]]:
    arb = flint.arb
    pi = arb.pi()
    affinity, expected = _maximum(
        flint,
        lambda t: t * (1 - (1 - (-(t**2)).exp()).sqrt()),
        # The derivative times sqrt(1 - e^(-t^2)).
        lambda t: (
            (1 - (1 - (-(t**2)).exp()).sqrt()) * (1 - (-(t**2)).exp()).sqrt()
            - t**2 * (-(t**2)).exp()
        ),
    )
    exact, _ = _maximum(
        flint,
        lambda t: t * (t / arb(2).sqrt()).erfc(),
        lambda t: (t / arb(2).sqrt()).erfc() - t * (2 / pi).sqrt() * (-(t**2) / 2).exp(),
    )
    grid = _integral(flint) / 2
    root = (2 / pi).sqrt()
    return {
        "two_point": (
            "T4a", "sigma/sqrt(rho n), affinity", "max_t t (1 - sqrt(1 - exp(-t^2)))",
            affinity,
        ),
        "two_point_exact": (
            "T4a", "sigma/sqrt(rho n), exact overlap", "max_t 2t (1 - Phi(t))", exact,
        ),
        "many_point": (
            "T4c", "sigma/sqrt(rho n), affinity",
            "(1/2) int_0^inf (1 - sqrt(1 - exp(-h^2/4))) dh", grid,
        ),
        "many_point_exact": (
            "T4c", "sigma/sqrt(rho n), exact overlap; SFT's own (T5a)", "sqrt(2/pi)", root,
        ),
        "many_point_share": (
            "T4c", "the affinity's share of the exact overlap's", "many_point/many_point_exact",
            grid / root,
        ),
        "unseen": ("T6b", "m B/n", "1/e", 1 / arb(1).exp()),
        "fast": ("T8a", "sqrt(kappa) H d/n", "1/(4 e)", 1 / (4 * arb(1).exp())),
        "slow": (
            "T8b", "sqrt(kappa d/n) H",
            "max_c sqrt(c/8) (1 - sqrt(1 - exp(-c))) = two_point/sqrt(8)",
            affinity / arb(8).sqrt(),
        ),
        "slow_expected": ("T8b", "the best c", "its maximiser", expected**2),
        "slow_at_one": (
            "T8b", "sqrt(kappa d/n) H at c = 1", "sqrt(1/8) (1 - sqrt(1 - 1/e))",
            (1 - (1 - (-arb(1)).exp()).sqrt()) / arb(8).sqrt(),
        ),
    }  # fmt: skip


def _maximum(flint: Any, f: Callable[[Any], Any], slope: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Enclose max f over t > 0 and its place, where f(t) <= t and f(t) <= t exp(-t^2/2).

    `slope` has the sign of the derivative. It is proved positive from 1/100 to the bracket and
    negative from there to 8; outside f is smaller than at the bracket.
    """
    arb, fmpq = flint.arb, flint.fmpq

    def sign(one: Any, other: Any) -> int:
        """The sign of the slope all between two points, 0 if not settled."""
        value = slope(arb(one).union(arb(other)))
        return 1 if value > 0 else -1 if value < 0 else 0

    ends = [fmpq(1, 100), fmpq(8)]
    # Walk in from both sides by steps in which the sign is settled, halving those where it is not.
    for side, wanted in enumerate((1, -1)):
        step = fmpq(1, 16)
        while step > fmpq(1, 2**60):
            further = ends[side] + wanted * step
            if ends[0] < further < ends[1] and sign(ends[side], further) == wanted:
                ends[side] = further
            else:
                step = step / 2
    place = arb(ends[0]).union(arb(ends[1]))
    best = f(place)
    outside = arb(fmpq(1, 100)).max(8 * (-arb(32)).exp())
    if not best > outside:
        raise ArithmeticError("the maximum was not enclosed")
    return best, place


def _integral(flint: Any) -> Any:
    """Enclose int_0^inf (1 - sqrt(1 - exp(-h^2/4))) dh."""
    arb, acb = flint.arb, flint.acb
    first, last = flint.fmpq(1, 2**60), 24

    def integrand(h: Any, analytic: bool) -> Any:
        return 1 - (1 - (-(h**2) / 4).exp()).sqrt(analytic=analytic)

    middle = acb.integral(integrand, acb(arb(first)), acb(last)).real
    # In between 0 and 1 near zero; at most exp(-h^2/4) <= exp(-h last/4) beyond.
    head = arb(0).union(arb(first))
    tail = arb(0).union(arb(4) / last * (-(arb(last) ** 2) / 4).exp())
    return middle + head + tail


def _rational(value: Any) -> tuple[Fraction, Fraction]:
    """The ends of a ball as exact rational numbers."""

    def exactly(end: Any) -> Fraction:
        mantissa, exponent = end.man_exp()
        return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)

    return exactly(value.lower()), exactly(value.upper())
