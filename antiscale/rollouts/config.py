"""Configuration of a diagnosis: a frozen dataclass that rejects what it does not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from antiscale.core import validate
from antiscale.core.config import FromMapping, fingerprint, option
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


def _columns(name: str, given: Any) -> dict[str, str]:
    """The table's names by ours."""
    if not isinstance(given, Mapping):
        raise InputError(f"{name} must be a table of names; got {shown(given)}")
    known = sorted((*REQUIRED, *OPTIONAL))
    for key, value in given.items():
        if key not in known:
            raise InputError(f"unknown column role {shown(key)}{validate.nearest(str(key), known)}")
        if not isinstance(value, str) or not value:
            raise InputError(f"{name}: {key} must be a column's name; got {shown(value)}")
    return dict(given)


def _horizons(name: str, given: Any) -> tuple[int, ...]:
    """Whole numbers of tokens, rising."""
    found = validate.each(name, given, of=validate.integer, least=1, most=2**40)
    return tuple(validate.rising(found))


def _numbers(name: str, given: Any, *, rising: bool) -> tuple[float, ...]:
    """Distinct numbers >= 0."""
    found = validate.each(name, given, of=validate.real, least=0)
    if not found:
        raise InputError(f"{name} needs at least one number")
    return tuple(validate.rising(found) if rising else dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class DiagnoseConfig(FromMapping):
    """Configuration of a diagnosis.

    Parameters
    ----------
    columns
        The table's names for problem, correct, length, and where it has them
        tokens_to_first_correct, answer, score (or a quotient, passed/total), model, sample; - for
        none. length=words(COLUMN) counts a text's words, characters(COLUMN) its characters.
    model
        Whose samples, if the table has several models.
    against
        Another model to compare with, problem by problem.
    filter
        Which answer filter of lm-evaluation-harness, if its sample files hold several.
    horizon
        Test-time budget H in tokens; repeatable. Default: the 50, 75, 90 and 99% quantiles of
        length.
    eps
        Level of c(eps), as a multiple of the variance; repeatable.
    kappa
        Radius of the chi-square ball for V and W; repeatable, predictions use the first.
    samples
        Traces n per side, expert or verified, over all problems, to predict for. Default: 32 H.
    level
        Coverage of the intervals.
    seed
        Seed of what is drawn: halves of the samples, and simulated clones.
    """

    called: ClassVar[str] = "option"

    columns: Mapping[str, str] = option(dict, _columns, "OURS=THEIRS,...")
    model: str | None = option(None, validate.name, "NAME")
    against: str | None = option(None, validate.name, "NAME")
    filter: str | None = option(None, validate.name, "NAME")
    horizon: tuple[int, ...] = option((), _horizons, "H")
    eps: tuple[float, ...] = option((0.25, 0.5, 1.0, 2.0), _numbers, "X", rising=True)
    kappa: tuple[float, ...] = option((0.25, 1.0), _numbers, "X", rising=False)
    samples: int | None = option(None, validate.integer, "N", least=1, most=10**15)
    level: float = option(0.95, validate.real, "X", least=0.5, most=0.999)
    seed: int = option(0, validate.integer, "SEED", least=0, most=2**63 - 1)

    def agree(self) -> None:
        """Refuse to compare a model with itself, or with none."""
        if self.against is not None and self.model is None:
            raise InputError("against compares with model; name a model as well")
        if self.against is not None and self.against == self.model:
            raise InputError(
                f"against must be another model than model; both are {shown(self.model)}"
            )

    def samples_at(self, horizon: int) -> int:
        """Return n, the traces for which to predict at `horizon`."""
        return 32 * horizon if self.samples is None else self.samples

    def hash(self, digest: str) -> str:
        """Return twelve hexadecimal digits that name the configuration and the data."""
        return fingerprint(SCHEMA, __version__, self.to_dict(), digest)
