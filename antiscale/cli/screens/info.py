"""Versions, and what there is by name, for a terminal."""

from typing import Any

from rich.console import RenderableType
from rich.table import Table

from antiscale import presets

# How a preset of each kind is used.
_USED = {
    "sweeps": "antiscale sweep --config NAME, antiscale separation --config NAME",
    "searches": "antiscale search --config NAME",
    "figures": "antiscale figures NAME",
    "examples": "antiscale diagnose --example NAME",
    "instances": "antiscale certify --replay NAME",
}


def screen(found: dict[str, Any]) -> RenderableType:
    """Return one line per name."""
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
    return table
