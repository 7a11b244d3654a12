"""What a diagnosis leaves on disk: tidy rows, the summary and the figure."""

import json

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
        Of `core.folder.Folder.open`.
    """
    for name, table in found.tables().items():
        if name == "problems" and not table.empty:
            folder.write("problems.parquet", table.to_parquet(index=False))
        if 0 < len(table) <= _CSV_ROWS:
            folder.write(f"{name}.csv", table.to_csv(index=False).encode())
    folder.write("result.json", json.dumps(found.to_json(), indent=1, allow_nan=False).encode())
    if not found.problems.empty:
        for kind, image in plots.encode(found.figure()).items():
            folder.write(f"diagnose.{kind}", image)
    folder.finish()
    return list(folder.files)
