"""Versions, and what there is by name, for a terminal."""

from typing import Any

from rich.console import RenderableType
from rich.table import Table

from antiscale import presets

# How a preset of each kind is used.
_USED = {
    "sweeps": "antiscale sweep --config NAME, antiscale separation --config NAME",
    "grids": "antiscale sweep --grid NAME",
    "searches": "antiscale search --config NAME",
    "studies": "antiscale train ENVIRONMENT --size SIZE, of ENVIRONMENT-SIZE",
    "figures": "antiscale figures NAME",
    "examples": "antiscale diagnose --example NAME",
    "instances": "antiscale certify --replay NAME",
}


def screen(found: dict[str, Any]) -> RenderableType:
    """Return one line per name."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    rows = [*found["versions"].items(), ("device", found["device"])]
    rows.append(("compiled code", found["compilation_cache"]))
    for name, family in found["families"].items():
        given = family["parameters"].items()
        parameters = ", ".join(key if value is None else f"{key}={value}" for key, value in given)
        rows.append((f"family {name}", f"{family['summary']}\n[dim]{parameters}[/dim]"))
    rows += [(f"class {name}", summary) for name, summary in found["reward_classes"].items()]
    learners = found["learners"].items()
    rows += [(f"learner {name} ({x['side']})", x["summary"]) for name, x in learners]
    for kind, command in _USED.items():
        called, listed = presets.KINDS[kind].called, found["presets"][kind]
        rows.append(("", f"[dim]{command}[/dim]"))
        if isinstance(listed, dict):
            rows += [(f"{called} {name}", summary) for name, summary in listed.items()]
        else:
            rows.append((f"{called}s", ", ".join(listed)))
    for cells in rows:
        table.add_row(*cells)
    return table
