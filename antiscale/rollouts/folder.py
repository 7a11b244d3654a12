"""What a diagnosis leaves on disk: tidy rows, the summary and the figure."""

import io
import json

import pandas as pd

from antiscale import plots
from antiscale.core.folder import Folder
from antiscale.rollouts.diagnosis import Diagnosis

# A table of more rows than this is left as Parquet alone.
_CSV_ROWS = 50_000


def write(found: Diagnosis, folder: Folder) -> list[str]:
    """Write the tables, result.json and the figure; return the names of the files.

    Parameters
    ----------
    found
        The diagnosis.
    folder
        Of `core.folder.open_folder`.
    """
    written = []

    def put(name: str, content: bytes) -> None:
        folder.write(name, content)
        written.append(name)

    for name, table in found.tables().items():
        if table.empty:
            continue
        if name == "problems":
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False)
            put(f"{name}.parquet", buffer.getvalue())
        if len(table) <= _CSV_ROWS:
            put(f"{name}.csv", _csv(table))
    content = json.dumps(found.to_json(), indent=1, allow_nan=False)
    put("result.json", content.encode())
    if not found.problems.empty:
        for kind, image in plots.encode(found.figure()).items():
            put(f"diagnose.{kind}", image)
    folder.finish()
    return written


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()
