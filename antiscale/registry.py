"""Every theorem by its label; a module that carries theorems is named here.

The sweep, the tables and `antiscale bounds` take their bounds from here; tests hold the labels to
those of paper_bounds.md and of the docstrings, and recompute each worked number.
"""

from antiscale import bounds as bounds
from antiscale.ball import optimum as optimum
from antiscale.core import validate
from antiscale.core.theorem import THEOREMS, Theorem
from antiscale.models import chains as chains
from antiscale.models import measures as measures
from antiscale.search.laws import hard_cap as hard_cap
from antiscale.search.laws import passes as passes

RESULTS = THEOREMS


def result(label: str) -> Theorem:
    """Return the theorem with this label.

    Raises
    ------
    InputError
        If there is none.
    """
    return RESULTS[validate.choice("label", label, RESULTS)]
