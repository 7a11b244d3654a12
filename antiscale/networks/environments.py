"""Environments by name; one more is a module of this folder, named here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from antiscale.networks.environment import Environment

# Name on the command line -> the module that has it, imported when it is asked for.
ENVIRONMENTS = {
    "styles": "antiscale.networks.styles",
    "planted": "antiscale.networks.planted",
    "plain": "antiscale.networks.planted",
    "arithmetic": "antiscale.networks.arithmetic",
}


def load_environment(name: str) -> type[Environment]:
    """Return the environment with this name, one of `ENVIRONMENTS`."""
    module = importlib.import_module(ENVIRONMENTS[name])
    return next(
        each for each in vars(module).values()
        if isinstance(each, type) and getattr(each, "environment", None) == name
    )  # fmt: skip
