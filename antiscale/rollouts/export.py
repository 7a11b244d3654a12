"""Samples as an explicit trace model: a CSV that `antiscale sweep --family explicit` runs."""

from pathlib import Path

import numpy as np
import pandas as pd

from antiscale.core.errors import InputError
from antiscale.core.folder import reading, write_whole
from antiscale.rollouts.samples import Rollouts


def model_table(rollouts: Rollouts) -> pd.DataFrame:
    """One row per prompt and trace type: prompt, style, length, probability, solved, prompt_mass.

    Samples of a problem with one verdict, one length (T where it is solved) and one answer are one
    type, with their share of the samples for its probability. Styles are the answers, or right and
    wrong where the table has none; the problems have equal mass. Where the table has answers a
    column `answer` gives them, blank for none: a vote among the model's traces is one among them.
    """
    solved = np.isfinite(rollouts.time)
    frame = pd.DataFrame({
        "prompt": rollouts.problem, "solved": solved.astype(np.int64),
        "answer": -1 if rollouts.answer is None else rollouts.answer,
        "length": np.where(solved, rollouts.time, rollouts.length),
    })  # fmt: skip
    types = frame.groupby(["prompt", "solved", "answer", "length"], sort=True).size()
    table = types.rename("count").reset_index()
    word = np.where(table.solved == 1, "right", "wrong")
    named = [f"{w}-{a}" if a >= 0 else w for w, a in zip(word, table.answer, strict=True)]
    prompt = table.prompt.to_numpy()
    found = pd.DataFrame({
        "prompt": rollouts.problems[prompt], "style": named, "length": table.length,
        "probability": table["count"].to_numpy() / rollouts.counts[prompt],
        "solved": table.solved, "prompt_mass": 1.0 / len(rollouts.counts),
    })  # fmt: skip
    if rollouts.answers is not None:
        found["answer"] = np.append(rollouts.answers, "")[table.answer]
    return found


def write_model(rollouts: Rollouts, path: Path) -> None:
    """Write `model_table` whole or not at all.

    Raises
    ------
    InputError
        If the name does not end in .csv, or the file cannot be written.
    """
    if path.suffix.lower() != ".csv":
        raise InputError(f"the exported model is a CSV file; got {path}, give a name in .csv")
    table = model_table(rollouts)
    header = ",".join(table.columns)
    if path.exists():
        with reading(path), path.open("rb") as stream:
            if stream.readline(200).strip() != header.encode():
                why = "is there already and is no exported model; give another name"
                raise InputError(f"{path} {why}")
    write_whole(path, table.to_csv(index=False).encode())
