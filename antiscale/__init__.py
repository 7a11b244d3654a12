"""Say when finetuning with verification beats cloning expert traces, and by how much.

`__init__.pyi` lists the public names; they load on first use, so that `import antiscale` and
`antiscale --help` are quick.
"""

import importlib
from typing import Any

import lazy_loader

_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Names of earlier versions, which still work.
_EARLIER = {
    "BallOptimum": "ball.optimum",
    "Diagnosis": "rollouts.diagnosis",
    "Pessimist": "ball.pessimist",
    "bilevel_return": "models.traces",
    "geometric_chain": "models.chains",
    "load_class": "rewards",
    "load_family": "models.families",
    "planted_chain": "models.chains",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _public(name)
    if name in _EARLIER:
        return getattr(importlib.import_module(f"antiscale.{_EARLIER[name]}"), name)
    raise AttributeError(f"module 'antiscale' has no attribute {name!r}")
