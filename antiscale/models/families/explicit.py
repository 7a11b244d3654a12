"""A trace model given by arrays or by a file: bring your own base policy."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from antiscale.core import validate
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.models.traces import TraceModel, uniform_prompts

_COLUMNS = ("prompt", "style", "length", "probability")
_ARRAYS = ("pmf", "hitting_times", "styles", "lengths", "prompt_mass", "answers")
_VERDICTS = ("solved", "reward")


@dataclass(frozen=True, kw_only=True, eq=False)
class Explicit:
    """Any finite base policy, given as arrays over prompts and trace types, or as a file.

    The same traces are judged at every horizon: raising H pays each correct trace more and lets
    longer ones count. Which premise of the theorem holds is for the measured sigma and c_0 to
    say.

    Parameters
    ----------
    pmf : [m, S] or [S]
        Probability of each type given the prompt.
    hitting_times : the same shape
        T(j) in tokens, from 1; inf for a wrong trace.
    styles : the same shape, optional
        Style of each type (default: one style). Types of mass 0 are ignored.
    lengths : the same shape, optional
        Tokens at which a type would be right were its style valid; needed on wrong types by the
        reward class `styles` only. Default: `hitting_times` where finite, unknown elsewhere.
    prompt_mass : [m], optional
        rho(x); default uniform.
    answers : the same shape as pmf, optional
        What each type answers, whole numbers that count within a prompt; -1 for no answer. Search
        then votes with them; without them wrong traces answer as its option wrong_answers says.
    file
        Instead of the arrays: a CSV, Parquet or NPZ file with one row (NPZ: one entry of each
        array) per prompt and type. Columns: prompt and style (any labels), length (tokens),
        probability (sums to 1 within each prompt), and solved or reward (0 or 1). The columns
        prompt_mass and answer (compared as text, blank for none; see `core.texts`) are optional.
    sha256
        Digest that the file must have. A sweep fills it in, so that a run's name says what was
        in the file and a resumed run never mixes two.
    """

    name: ClassVar[str] = "explicit"
    reward_class: ClassVar[str] = "mirror"
    pmf: npt.ArrayLike | None = None
    hitting_times: npt.ArrayLike | None = None
    styles: npt.ArrayLike | None = None
    lengths: npt.ArrayLike | None = None
    prompt_mass: npt.ArrayLike | None = None
    answers: npt.ArrayLike | None = None
    file: str | None = None
    sha256: str | None = None

    @classmethod
    def settled(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters with the digest of the file's content."""
        if parameters.get("file") is None or parameters.get("sha256") is not None:
            return parameters
        clash = [name for name in _ARRAYS if parameters.get(name) is not None]
        if clash:
            raise InputError(f"give either file or arrays; got file and {', '.join(clash)}")
        return parameters | {"sha256": _digest(_content(parameters["file"]))}

    def size(self, horizon: int) -> tuple[int, int]:
        """Nothing: what is given is there already."""
        return 0, 0

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        if self.file is not None:
            arrays = read_model(self.file, sha256=self.sha256)
        missing = [name for name in ("pmf", "hitting_times") if arrays[name] is None]
        if missing:
            raise InputError(
                f"family 'explicit' needs the parameter {missing[0]!r} (with pmf and "
                "hitting_times), or file"
            )
        pmf = np.atleast_2d(validate.pmf("pmf", arrays["pmf"]))
        times = np.atleast_2d(validate.floats("hitting_times", arrays["hitting_times"])).copy()
        if times.shape != pmf.shape:
            raise InputError(f"hitting_times must have pmf's shape {pmf.shape}; got {times.shape}")
        given = {name: arrays[name] for name in ("styles", "answers") if arrays[name] is not None}
        labels = {name: np.atleast_2d(validate.whole(name, x)) for name, x in given.items()}
        lengths, mass = np.where(np.isfinite(times), times, np.nan), uniform_prompts(len(pmf))
        if arrays["lengths"] is not None:
            lengths = np.atleast_2d(validate.floats("lengths", arrays["lengths"])).copy()
        if arrays["prompt_mass"] is not None:
            mass = validate.pmf("prompt_mass", arrays["prompt_mass"])
        return TraceModel(
            family=self.name, horizon=horizon, pmf=pmf, hitting_times=times, lengths=lengths,
            styles=labels.get("styles", np.zeros(pmf.shape, np.int64)), prompt_mass=mass,
            answers=labels.get("answers"),
        )  # fmt: skip


def _content(file: Any) -> bytes:
    if not isinstance(file, str):
        raise InputError(f"file must be a path; got {shown(file)}")
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise InputError(f"file {file} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        why = getattr(error, "strerror", None) or error
        raise InputError(f"file {shown(file)} cannot be read: {why}") from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_model(file: str, *, sha256: str | None = None) -> dict[str, Any]:
    """Read a trace model from a CSV, Parquet or NPZ file, as the arrays `Explicit` takes.

    Raises
    ------
    InputError
        If the file is missing, unreadable, of another kind or content, lacks a column, or holds
        values that make no trace model; the message names the column.
    """
    content = _content(file)
    if sha256 is not None and _digest(content) != sha256:
        raise InputError(
            f"file {file} has changed (sha256 {_digest(content)[:12]}..., expected "
            f"{str(sha256)[:12]}...); leave out sha256 to use the new content"
        )
    return arrays_of(_table(file), f"file {file}", file)


def arrays_of(table: Mapping[str, Any], what: str, where: str) -> dict[str, Any]:
    """Make the arrays that `Explicit` takes of a table's columns, one row per prompt and type.

    Parameters
    ----------
    table
        Columns by name, as the parameter `file` of `Explicit` has them.
    what, where
        What messages call the table, as in "file a.csv lacks" and "length in a.csv must".

    Raises
    ------
    InputError
        If a column is missing or holds what makes no trace model; the message names the column.
    """
    import pandas as pd  # late: pandas would double the time of --help

    verdict = next((name for name in _VERDICTS if name in table), "solved (or reward)")
    missing = [name for name in (*_COLUMNS, verdict) if name not in table]
    if missing:
        raise InputError(
            f"{what} lacks the columns {', '.join(missing)}; it has "
            f"{', '.join(map(str, table)) or 'none'}"
        )
    if not len(table["prompt"]):
        raise InputError(f"{what} has no rows")
    numbers = {
        name: validate.floats(f"{name} in {where}", table[name])
        for name in ("length", "probability", verdict)
    }
    solved, length = numbers[verdict], numbers["length"]
    other = solved[~np.isin(solved, (0.0, 1.0))]
    if other.size:
        raise InputError(f"{verdict} in {where} must be 0 or 1; got {other[0]:g}")
    outside = length[(length < 1) | (length > validate.LARGEST_INTEGER)]
    if outside.size:
        raise InputError(
            f"length in {where} must be at least 1 token, at most 2^53; got {outside[0]:g}"
        )
    prompts, prompt = _named("prompt", table, where)
    _, style = _named("style", table, where)
    # 0, 1, 2, ... within each prompt, in order of appearance.
    place = pd.Series(prompt).groupby(prompt).cumcount().to_numpy()
    shape = (len(prompts), int(np.max(place)) + 1)
    columns = {
        "pmf": (0.0, numbers["probability"]),
        "hitting_times": (np.inf, np.where(solved == 1, length, np.inf)),
        "styles": (0.0, style), "lengths": (1.0, length),
    }  # fmt: skip
    if "answer" in table:
        columns["answers"] = (-1, _coded(table["answer"])[0])
    arrays: dict[str, Any] = dict.fromkeys(_ARRAYS)
    for name, (rest, column) in columns.items():
        arrays[name] = np.full(shape, rest)
        arrays[name][prompt, place] = column
    totals = arrays["pmf"].sum(-1)
    worst = int(np.argmax(np.abs(totals - 1)))
    if abs(totals[worst] - 1) > validate.PMF_TOLERANCE:
        raise InputError(
            f"probability in {where} must sum to 1 within each prompt; prompt "
            f"{shown(str(prompts[worst]))} sums to {totals[worst]:.8g}"
        )
    if "prompt_mass" in table:
        mass = validate.floats(f"prompt_mass in {where}", table["prompt_mass"])
        arrays["prompt_mass"] = np.zeros(len(prompts))
        arrays["prompt_mass"][prompt] = mass
        if (arrays["prompt_mass"][prompt] != mass).any():
            raise InputError(f"prompt_mass in {where} must be the same in all rows of a prompt")
    return arrays


def _named(name: str, table: Mapping[str, Any], where: str) -> tuple[Any, npt.NDArray[np.int64]]:
    """A column's names in order, and which of them each row has."""
    codes, names = _coded(table[name])
    if (codes < 0).any():
        raise InputError(f"{name} in {where} is missing in row {int(np.argmax(codes < 0)) + 1}")
    ordered, place = np.unique(np.array(names, dtype=object), return_inverse=True)
    return ordered, place[codes]


def _coded(column: Any) -> tuple[npt.NDArray[np.int64], list[str]]:
    import pandas as pd  # late: pandas would double the time of --help

    from antiscale.core.texts import coded

    return coded(pd.Series(column))


def _table(file: str) -> dict[str, Any]:
    kind = Path(file).suffix.lower()
    try:
        if kind == ".npz":
            with np.load(file, allow_pickle=False) as stored:
                columns = {name: np.atleast_1d(stored[name]) for name in stored.files}
            shapes = {column.shape for column in columns.values()}
            if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
                raise InputError(f"the arrays of {file} must be 1-D and of one length")
            return columns
        import pandas as pd

        if kind == ".csv":
            # Names are text: a prompt may be called NA, or 007.
            text = dict.fromkeys(("prompt", "style", "answer"), str)
            blank = {name: [""] for name in (*_COLUMNS[2:], *_VERDICTS, "prompt_mass")}
            frame = pd.read_csv(file, dtype=text, keep_default_na=False, na_values=blank)
        elif kind in (".parquet", ".pq"):
            frame = pd.read_parquet(file)
        else:
            raise InputError(f"file {file} must end in .csv, .parquet or .npz")
    except InputError:
        raise
    except Exception as error:  # each reader has errors of its own
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"file {file} is no readable {kind[1:]} file: {line}") from None
    return {str(name): frame[name].to_numpy() for name in frame.columns}
