"""Say when finetuning with verification beats cloning expert traces, and by how much.

The public names load on first use, so that `import antiscale` and `antiscale --help` are quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from antiscale.version import __version__

if TYPE_CHECKING:
    from antiscale import bounds as bounds
    from antiscale import search as search
    from antiscale.ball import BallOptimum as BallOptimum
    from antiscale.ball import chi2_ball_optimum as chi2_ball_optimum
    from antiscale.ball import chi2_ball_optimum_average as chi2_ball_optimum_average
    from antiscale.chains import TokenChain as TokenChain
    from antiscale.chains import geometric_chain as geometric_chain
    from antiscale.chains import planted_chain as planted_chain
    from antiscale.classes import load_class as load_class
    from antiscale.config import SweepConfig as SweepConfig
    from antiscale.errors import InputError as InputError
    from antiscale.families import load_family as load_family
    from antiscale.measures import anticoncentration as anticoncentration
    from antiscale.measures import coverage as coverage
    from antiscale.measures import heterogeneity as heterogeneity
    from antiscale.measures import mean_return as mean_return
    from antiscale.measures import sharpness as sharpness
    from antiscale.rollouts.diagnosis import Diagnosis as Diagnosis
    from antiscale.rollouts.diagnosis import diagnose as diagnose
    from antiscale.saddle import Pessimist as Pessimist
    from antiscale.saddle import chi2_ball_pessimist as chi2_ball_pessimist
    from antiscale.sweeps import sweep as sweep
    from antiscale.traces import TraceModel as TraceModel
    from antiscale.traces import bilevel_return as bilevel_return

_HOME = {
    "BallOptimum": "ball",
    "Diagnosis": "rollouts.diagnosis",
    "InputError": "errors",
    "Pessimist": "saddle",
    "SweepConfig": "config",
    "TokenChain": "chains",
    "TraceModel": "traces",
    "anticoncentration": "measures",
    "bilevel_return": "traces",
    "chi2_ball_optimum": "ball",
    "chi2_ball_optimum_average": "ball",
    "chi2_ball_pessimist": "saddle",
    "coverage": "measures",
    "diagnose": "rollouts.diagnosis",
    "geometric_chain": "chains",
    "heterogeneity": "measures",
    "load_class": "classes",
    "load_family": "families",
    "mean_return": "measures",
    "planted_chain": "chains",
    "sharpness": "measures",
    "sweep": "sweeps",
}

_MODULES = ("bounds", "search")

__all__ = ["__version__", *_MODULES, *_HOME]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"antiscale.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(f"antiscale.{_HOME[name]}"), name)
    raise AttributeError(f"module 'antiscale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
