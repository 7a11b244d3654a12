"""What a diagnosis is asked: a frozen dataclass that rejects what it does not know."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from antiscale.core import validate
from antiscale.core.config import FromMapping
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.core.version import __version__

SCHEMA = "antiscale.diagnose/1"

# The columns of a table of rollouts: what each is called unless renamed.
REQUIRED = ("problem", "correct", "length")
OPTIONAL = ("tokens_to_first_correct", "answer", "score", "model", "sample")
# In place of a column's name: do as if the table had none.
IGNORED = "-"

# Horizons unless given: these quantiles of the samples' lengths, rounded up.
QUANTILES = (0.5, 0.75, 0.9, 0.99)


@dataclass(frozen=True, kw_only=True)
class DiagnoseConfig(FromMapping):
    """Configuration of a diagnosis.

    Parameters
    ----------
    columns
        The table's names for ours: problem, correct, length, tokens_to_first_correct, answer,
        score, model, sample. A score may be a quotient of two columns, "passed/total", and a length
        counted in a column's texts, "words(completion)" or "characters(completion)"; "-" ignores a
        column that the table has.
    model
        Which model's samples, where the table holds several.
    against
        Another model of the table to compare with, problem by problem.
    filter
        Which answer filter, where sample files of lm-evaluation-harness hold several.
    horizon
        Test-time budgets H in tokens. Default: the 50, 75, 90 and 99% quantiles of length.
    eps
        Levels of c_x(eps), multiples of the variance.
    kappa
        Radii of the chi-square ball for V_kappa and W; predictions use the first.
    samples
        n, expert or verified traces over all problems for which to predict. Default: 32 H.
    level
        Coverage of every interval.
    seed
        Seed of what is drawn: halves of the samples, and simulated clones.
    """

    called: ClassVar[str] = "option"

    columns: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    against: str | None = None
    filter: str | None = None
    horizon: tuple[int, ...] = ()
    eps: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    kappa: tuple[float, ...] = (0.25, 1.0)
    samples: int | None = None
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        if not isinstance(self.columns, Mapping):
            raise InputError(f"columns must be a table of names; got {shown(self.columns)}")
        known = sorted((*REQUIRED, *OPTIONAL))
        for key, value in self.columns.items():
            if key not in known:
                raise InputError(
                    f"unknown column role {shown(key)}{validate.nearest(str(key), known)}"
                )
            if not isinstance(value, str) or not value:
                raise InputError(f"columns: {key} must be a column's name; got {shown(value)}")
        put("columns", dict(self.columns))
        for name in ("model", "against", "filter"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"{name} must be a name; got {shown(value)}")
        if self.against is not None and self.model is None:
            raise InputError("against compares with model; name a model as well")
        if self.against is not None and self.against == self.model:
            raise InputError(
                f"against must be another model than model; both are {shown(self.model)}"
            )
        horizons = {
            validate.integer("horizon", h, least=1, most=2**40) for h in _several(self.horizon)
        }
        put("horizon", tuple(sorted(horizons)))
        for name in ("eps", "kappa"):
            numbers = [validate.real(name, each) for each in _several(getattr(self, name))]
            if not numbers:
                raise InputError(f"{name} needs at least one number")
            if min(numbers) < 0:
                raise InputError(f"{name} must be >= 0; got {min(numbers):g}")
            distinct = sorted(set(numbers)) if name == "eps" else dict.fromkeys(numbers)
            put(name, tuple(distinct))
        if self.samples is not None:
            put("samples", validate.integer("samples", self.samples, least=1, most=10**15))
        level = validate.real("level", self.level)
        if not 0.5 <= level <= 0.999:
            raise InputError(f"level must lie in [0.5, 0.999]; got {level:g}")
        put("level", level)
        put("seed", validate.integer("seed", self.seed, least=0, most=2**63 - 1))

    def samples_at(self, horizon: int) -> int:
        """Return n, the traces for which to predict at `horizon`."""
        return 32 * horizon if self.samples is None else self.samples

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values, for JSON."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return plain | {name: list(plain[name]) for name in ("horizon", "eps", "kappa")}

    def hash(self, digest: str) -> str:
        """Return twelve hexadecimal digits that name the configuration and the data."""
        text = json.dumps([SCHEMA, __version__, self.to_dict(), digest], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _several(value: Any) -> Iterable[Any]:
    """One value or several, as several."""
    return (value,) if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) else value
