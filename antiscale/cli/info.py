"""`antiscale info`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from antiscale import presets
from antiscale.cli.terminal import console
from antiscale.models import families

# How a preset of each kind is used.
_USED = {
    "sweeps": "antiscale sweep --config NAME, antiscale separation --config NAME",
    "searches": "antiscale search --config NAME",
    "figures": "antiscale figures NAME",
    "examples": "antiscale diagnose --example NAME",
    "instances": "antiscale certify --replay NAME",
}


def info(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Show versions, the device, and what there is by name: families, learners, presets."""
    from antiscale import learners
    from antiscale.core import device
    from antiscale.core.provenance import versions
    from antiscale.rewards import CLASSES

    found: dict[str, Any] = {
        "versions": versions(),
        "device": device.description(),
        "compilation_cache": str(device.cache_directory()),
        "families": {
            name: {
                "summary": families.summary_of(name),
                "parameters": families.parameters_of(name),
            }
            for name in families.FAMILIES
        },
        "reward_classes": {name: _summary(cls) for name, cls in CLASSES.items()},
        "learners": {
            name: {"side": learner.side, "summary": _summary(type(learner))}
            for name, learner in learners.BUILT_IN.items()
        },
        "presets": {
            kind: {name: presets.summary(kind, name) for name in presets.names(kind)}
            if kind != "instances"
            else presets.names(kind)
            for kind in presets.KINDS
        },
    }
    if as_json:
        print(json.dumps(found))
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, version in found["versions"].items():
        table.add_row(name, version)
    table.add_row("device", found["device"])
    table.add_row("compiled code", found["compilation_cache"])
    for name, family in found["families"].items():
        parameters = ", ".join(
            key if value is None else f"{key}={value}"
            for key, value in family["parameters"].items()
        )
        table.add_row(f"family {name}", f"{family['summary']}\n[dim]{parameters}[/dim]")
    for name, summary in found["reward_classes"].items():
        table.add_row(f"class {name}", summary)
    for name, learner in found["learners"].items():
        table.add_row(f"learner {name} ({learner['side']})", learner["summary"])
    for kind, command in _USED.items():
        called, listed = presets.KINDS[kind].called, found["presets"][kind]
        table.add_row("", f"[dim]{command}[/dim]")
        if isinstance(listed, dict):
            for name, summary in listed.items():
                table.add_row(f"{called} {name}", summary)
        else:
            table.add_row(f"{called}s", ", ".join(listed))
    console().print(table, highlight=False)


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]
