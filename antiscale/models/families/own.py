"""Families of the user's own: one trace model for every horizon, or a function of the horizon."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from antiscale.core import content
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, eq=False)
class Fixed:
    """A trace model judged at every horizon, as the family `explicit` judges its arrays.

    The hitting times stay; returns R = (H - T + 1)_+ follow H, in tokens. How sigma grows with H
    is then not known beforehand.

    Attributes
    ----------
    model
        The model; its own horizon does not matter.
    """

    name: ClassVar[str] = "explicit"
    model: TraceModel

    @property
    def reward_class(self) -> str:
        """The class that a sweep uses by default."""
        return "mirror" if self.model.announced else "known"

    def size(self, horizon: int) -> tuple[int, int]:
        """Nothing: what is given is there already."""
        return 0, 0

    def at(self, horizon: int) -> TraceModel:
        """The model with test-time budget `horizon` (tokens)."""
        return dataclasses.replace(self.model, horizon=horizon, sigma_exponent=None)

    def digest(self, horizons: Iterable[int]) -> str:
        """SHA-256 of the model's arrays; no horizon changes it."""
        return content.digest_of(_arrays(self.at(1)))


@dataclass(frozen=True, eq=False)
class Made:
    """A trace model for each horizon, made by a function of the user's.

    Attributes
    ----------
    name
        What it is called in rows.
    function
        Called as function(H) once for each horizon H, in tokens; returns a `TraceModel` of that
        horizon.
    reward_class
        The class that a sweep uses by default.
    """

    name: str
    function: Callable[[int], TraceModel]
    reward_class: str = "mirror"
    _models: dict[int, TraceModel] = field(default_factory=dict, repr=False)

    def size(self, horizon: int) -> tuple[int, int]:
        """Nothing: only the function knows."""
        return 0, 0

    def at(self, horizon: int) -> TraceModel:
        """The model that the function makes of `horizon` (tokens).

        Raises
        ------
        InputError
            If the function fails, or returns no trace model of this horizon.
        """
        if horizon not in self._models:
            self._models[horizon] = self._made(horizon)
        return self._models[horizon]

    def digest(self, horizons: Iterable[int]) -> str:
        """SHA-256 of the models at `horizons`, in rising order."""
        models = [self.at(horizon) for horizon in sorted(set(horizons))]
        return content.digest_of([(model.horizon, _arrays(model)) for model in models])

    def _made(self, horizon: int) -> TraceModel:
        try:
            model: Any = self.function(horizon)
        except (Exception, SystemExit) as error:
            line = (str(error).strip() or "no message").splitlines()[0]
            raise InputError(
                f"model {shown(self.name)} failed with {type(error).__name__} at H = {horizon}: "
                f"{line:.120}; mend it, or give another model"
            ) from error
        if not isinstance(model, TraceModel) or model.horizon != horizon:
            got = shown(model)
            if isinstance(model, TraceModel):
                got = f"one of horizon {model.horizon}"
            raise InputError(
                f"model {shown(self.name)} must return a TraceModel of the horizon that it is "
                f"called with, H = {horizon}; got {got}"
            )
        return model


def _arrays(model: TraceModel) -> dict[str, Any]:
    """What tells one model from another, but for its horizon and its family's name."""
    fields = {item.name: getattr(model, item.name) for item in dataclasses.fields(model)}
    return {name: value for name, value in fields.items() if name not in ("family", "horizon")}
