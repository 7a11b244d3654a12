"""Every theorem with its record, its exact truth and its figure: the mapping `ac.theorems`."""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiscale.certify import CHECKS, SLACK, Check, instances
from antiscale.certify.checks import of_label
from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.numbers import precise
from antiscale.core.theorem import Theorem
from antiscale.registry import RESULTS, result

# Instances drawn for `check`, at most: some fall outside the theorem's assumptions.
_DRAWS = 100
_SIGNS = {"lower": "<=", "upper": ">=", "equal": "="}


@dataclass(frozen=True)
class Checked:
    """A bound and the exact truth at one instance.

    Attributes
    ----------
    label, direction
        Of the theorem: "lower" claims bound <= truth, "upper" bound >= truth, "equal" both.
    bound, truth
        Their values there, in the theorem's unit; where a truth may be negative (T2, T9) both are
        measured from a level below it.
    holds
        Whether the claim is true, up to rounding (a relative 1e-7).
    arena, by
        The kind of instance, and how its truth is computed; it shares no code with the bound.
    instance
        The instance itself, by name.
    """

    label: str
    direction: str
    bound: float
    truth: float
    holds: bool
    arena: str
    by: str
    instance: Mapping[str, Any]

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "is violated"
        return (
            f"{self.label} {verdict}: bound {precise(self.bound)} {_SIGNS[self.direction]} "
            f"truth {precise(self.truth)} ({self.arena}, {self.by})"
        )


class CataloguedTheorem(Theorem):
    """A theorem's record, with what the falsifier knows of it."""

    @property
    def checks(self) -> dict[str, Check]:
        """The falsifier's checks by arena: the kind of instance, and how the truth is computed."""
        return {CHECKS[key].arena: CHECKS[key] for key in of_label(self.label)}

    def check(self, arena: str | None = None, *, seed: int = 4) -> Checked:
        """Evaluate the bound and an independent exact truth at one small random instance.

        Parameters
        ----------
        arena
            A key of `checks`; default: the first.
        seed
            Of the instance.

        Raises
        ------
        InputError
            If there is no such check, or none at all.

        Examples
        --------
        >>> import antiscale as ac
        >>> found = ac.theorems["T3a"].check()
        >>> found.holds, found.truth <= found.bound
        (True, True)
        """
        if not self.checks:
            raise InputError(f"the falsifier has no check of {self.label}")
        arena = validate.choice("arena", arena or next(iter(self.checks)), self.checks)
        check = self.checks[arena]
        rng = np.random.default_rng(validate.integer("seed", seed, least=0))
        for _ in range(_DRAWS):
            instance = instances.draw(check.genes, rng)
            found = check.evaluate(instance, self)
            # Where one of the two is zero the claim says little: draw another instance.
            if found is not None and min(found) > 0:
                break
        else:
            raise InputError(f"{self.label} says nothing at {_DRAWS} instances; use another seed")
        holds = (check.ratio_of(found) or 0.0) <= 1.0 + SLACK
        return Checked(self.label, check.direction, *found, holds, arena, check.by, instance)

    def _repr_html_(self) -> str:
        name, statement, call, value = map(html.escape, repr(self).splitlines())
        return f"<p><b>{name}</b><br>{statement}<br><code>{call}</code><br>{value}</p>"


class Theorems(Mapping[str, CataloguedTheorem]):
    """The theorems of paper_bounds.md by their labels.

    Examples
    --------
    >>> import antiscale as ac
    >>> ac.theorems["T3a"]
    T3a  Cantelli (tight, for the base policy)
      c_x(eps) <= 1/(1 + eps)
      antiscale.bounds.cantelli(eps=0.25)
      = 0.8 probability; proof: paper_bounds.md#t3a-cantelli
    >>> ac.theorems["T3a"].figure, ac.theorems["T3a"].value, len(ac.theorems)
    ('tails', 0.8, 51)
    """

    def __getitem__(self, label: str) -> CataloguedTheorem:
        return CataloguedTheorem(**vars(result(label)))

    def __iter__(self) -> Iterator[str]:
        return iter(RESULTS)

    def __contains__(self, label: object) -> bool:
        return label in RESULTS

    def __len__(self) -> int:
        return len(RESULTS)

    def __repr__(self) -> str:
        return "\n".join(f"{x.label:5}{x.name} ({x.kind}): {x.statement}" for x in RESULTS.values())


theorems = Theorems()
