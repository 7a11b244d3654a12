"""`antiscale info`."""

from typing import Any

from antiscale import presets
from antiscale.cli.options import Options, command
from antiscale.cli.terminal import Results
from antiscale.models import families


@command(Options(Results, "as_json"))
def info(results: Results) -> None:
    """Show versions, the device, and what there is by name: families, learners, presets."""
    from antiscale import learners
    from antiscale.cli.screens.info import screen
    from antiscale.core import device
    from antiscale.core.provenance import versions
    from antiscale.rewards import CLASSES
    from antiscale.sweeps.rows import COLUMNS

    found: dict[str, Any] = {
        "versions": versions(), "device": device.description(),
        "compilation_cache": str(device.cache_directory()),
        "families": {
            name: {"summary": families.summary_of(name), "parameters": families.parameters_of(name)}
            for name in families.FAMILIES
        },
        "reward_classes": {name: _summary(cls) for name, cls in CLASSES.items()},
        "learners": {
            name: {"side": learner.side, "summary": _summary(type(learner))}
            for name, learner in learners.BUILT_IN.items()
        },
        "columns": {x.name: {"unit": x.unit, "meaning": x.meaning} for x in COLUMNS.values()},
        "presets": {
            kind: {name: presets.summary(kind, name) for name in presets.names(kind)}
            for kind in presets.KINDS if kind != "instances"
        } | {"instances": presets.names("instances")},
    }  # fmt: skip
    results.show(found, lambda _: screen(found))


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]
