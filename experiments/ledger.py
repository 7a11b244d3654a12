"""Print the falsifier's ledger as the table of paper_bounds.md.

    antiscale certify --minutes 60 --jobs 2 --out experiments/certify    # add to the ledger
    python experiments/ledger.py --write                                 # quote it in the document

Without --write the table is only printed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from antiscale.certify import ledger
from antiscale.certify.check import key_of

ROOT = Path(__file__).parents[1]
FOLDER = "experiments/certify"
HEADER = """| label | tried | crossed | worst ratio | median ratio | worst among | truth by |
|---|---|---|---|---|---|---|
"""


def lines(known: ledger.Ledger) -> list[str]:
    """One row per result."""
    found = []
    for row in known.summary():
        key = key_of(row["label"], row["arena"])
        found.append(
            f"| {row['label']} | {row['tried']:,} | {row['violations']} | {row['worst']:.4f} | "
            f"{row['median']:.4f} | [{row['arena']}]({FOLDER}/worst/{key}.json) | {row['truth']} |"
        )
    return found


def total(known: ledger.Ledger) -> str:
    """All instances that were ever tried."""
    return f"{sum(row['tried'] for row in known.rows):,}"


def main() -> None:
    known = ledger.read(ROOT / FOLDER)
    table = "\n".join(lines(known))
    print(table)
    if "--write" not in sys.argv[1:]:
        return
    file = ROOT / "paper_bounds.md"
    text = file.read_text()
    text = re.sub(
        r"(<!-- ledger -->\n).*?(?=<!-- end of ledger -->)",
        lambda found: f"{found[1]}{HEADER}{table}\n\n", text, flags=re.DOTALL,
    )  # fmt: skip
    text = re.sub(r"[\d,]+ instances", f"{total(known)} instances", text)
    file.write_text(text)
    file = ROOT / "README.md"
    text = file.read_text()
    text = re.sub(r"(<!-- ledger total -->)[\d,]+", rf"\g<1>{total(known)}", text)
    file.write_text(text)


if __name__ == "__main__":
    main()
