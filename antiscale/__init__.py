"""Say when finetuning with verification beats cloning expert traces, and by how much.

The public names load on first use, so that `import antiscale` and `antiscale --help` are quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from antiscale.core.version import __version__

if TYPE_CHECKING:
    from antiscale import bounds as bounds
    from antiscale import search as search
    from antiscale.ball.optimum import BallOptimum as BallOptimum
    from antiscale.ball.optimum import chi2_ball_optimum as chi2_ball_optimum
    from antiscale.ball.optimum import chi2_ball_optimum_average as chi2_ball_optimum_average
    from antiscale.ball.pessimist import Pessimist as Pessimist
    from antiscale.ball.pessimist import chi2_ball_pessimist as chi2_ball_pessimist
    from antiscale.core.errors import InputError as InputError
    from antiscale.models.chains import TokenChain as TokenChain
    from antiscale.models.chains import geometric_chain as geometric_chain
    from antiscale.models.chains import planted_chain as planted_chain
    from antiscale.models.families import load_family as load_family
    from antiscale.models.measures import anticoncentration as anticoncentration
    from antiscale.models.measures import coverage as coverage
    from antiscale.models.measures import heterogeneity as heterogeneity
    from antiscale.models.measures import mean_return as mean_return
    from antiscale.models.measures import sharpness as sharpness
    from antiscale.models.traces import TraceModel as TraceModel
    from antiscale.models.traces import bilevel_return as bilevel_return
    from antiscale.rewards import load_class as load_class
    from antiscale.rollouts.diagnosis import Diagnosis as Diagnosis
    from antiscale.rollouts.diagnosis import diagnose as diagnose
    from antiscale.sweeps.config import SweepConfig as SweepConfig
    from antiscale.sweeps.run import sweep as sweep

_HOME = {
    "BallOptimum": "ball.optimum",
    "Diagnosis": "rollouts.diagnosis",
    "InputError": "core.errors",
    "Pessimist": "ball.pessimist",
    "SweepConfig": "sweeps.config",
    "TokenChain": "models.chains",
    "TraceModel": "models.traces",
    "anticoncentration": "models.measures",
    "bilevel_return": "models.traces",
    "chi2_ball_optimum": "ball.optimum",
    "chi2_ball_optimum_average": "ball.optimum",
    "chi2_ball_pessimist": "ball.pessimist",
    "coverage": "models.measures",
    "diagnose": "rollouts.diagnosis",
    "geometric_chain": "models.chains",
    "heterogeneity": "models.measures",
    "load_class": "rewards",
    "load_family": "models.families",
    "mean_return": "models.measures",
    "planted_chain": "models.chains",
    "sharpness": "models.measures",
    "sweep": "sweeps.run",
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
