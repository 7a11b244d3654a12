"""What search curves leave on disk: rows, JSON and the figure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from antiscale.search.curves import SearchResult

if TYPE_CHECKING:
    from antiscale.core.folder import Folder


def write(found: SearchResult, folder: Folder) -> None:
    """Leave rows, JSON and figure in a folder of `core.folder.Folder.open`."""
    from antiscale import plots
    from antiscale.plots.search import LABELS, search_figure
    from antiscale.search.reading import reading

    frame = found.frame
    folder.write("rows.csv", frame.to_csv(index=False).encode())
    content = json.dumps(found.to_json(), indent=1, allow_nan=False)
    folder.write("result.json", content.encode())
    for kind, image in plots.encode(search_figure(frame, reading(found, LABELS))).items():
        folder.write(f"search.{kind}", image)
    folder.finish()
