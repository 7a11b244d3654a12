"""The samples of one model, sorted so that everything per problem is an array operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from antiscale.core.validate import Floats

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

# Samples worked on at once: few enough for the processor's cache, enough for long rows.
_CHUNK = 80_000
_EVERY = slice(None)


class Block(NamedTuple):
    """Problems with the same number of samples k.

    Attributes
    ----------
    problems : [m]
        Which problems.
    rows : [k, m]
        Their samples, latest hitting time first: R ascends down a column at every horizon. (In
        this order sums over samples run over long contiguous rows.)
    """

    problems: Integers
    rows: Integers


def runs(*columns: npt.NDArray[Any]) -> tuple[Integers, Integers]:
    """Where rows that are equal in all columns begin to follow one another, and how many do."""
    new = np.ones(len(columns[0]), dtype=bool)
    new[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    first = np.flatnonzero(new)
    return first, np.diff(np.append(first, len(new)))


@dataclass(frozen=True, eq=False)
class Rollouts:
    """Samples of one model on m problems.

    Attributes
    ----------
    problems : [m]
        Labels, in order of appearance.
    counts : [m]
        k_x, samples of each problem.
    problem : [N]
        Index of each sample's problem, ascending; within a problem the latest T comes first.
    correct : [N]
        Verdict.
    length : [N]
        In tokens, or whatever the table counts; >= 1.
    time : [N]
        T, when the sample is first correct: `tokens_to_first_correct` where the table has it, else
        length if correct and infinity if not (then an upper bound of it).
    draw : [N]
        Place of the sample in a random order of its problem's, 0..k_x - 1.
    score : [N] or None
        A verifier's score; the same for all samples of a problem that has none.
    answer : [N] or None
        Index of the answer in `answers`, -1 where there is none.
    answers : [A] or None
        The answers as text.
    """

    problems: npt.NDArray[Any]
    counts: Integers
    problem: Integers
    correct: Booleans
    length: Floats
    time: Floats
    draw: Integers
    score: Floats | None = None
    answer: Integers | None = None
    answers: npt.NDArray[Any] | None = None

    @classmethod
    def of(
        cls, labels: npt.NDArray[Any], problem: Integers, correct: Booleans, length: Floats,
        time: Floats, *, seed: int, score: Floats | None = None, answer: Integers | None = None,
        answers: npt.NDArray[Any] | None = None,
    ) -> Rollouts:  # fmt: skip
        """Sort samples, given in any order as arrays [N] with `problem` indexing `labels`."""
        counts = np.bincount(problem, minlength=len(labels)).astype(np.int64)
        starts = np.cumsum(counts) - counts
        mixed = np.random.default_rng(seed).permutation(len(problem))
        mixed = mixed[np.argsort(problem[mixed], kind="stable")]
        draw = np.empty(len(problem), dtype=np.int64)
        draw[mixed] = np.arange(len(problem)) - np.repeat(starts, counts)
        order = np.lexsort((-time, problem))
        return cls(
            labels, counts, problem[order], correct[order], length[order], time[order],
            draw[order], None if score is None else score[order],
            None if answer is None else answer[order], answers,
        )  # fmt: skip

    @property
    def samples(self) -> int:
        """N, the number of samples."""
        return len(self.problem)

    @cached_property
    def starts(self) -> Integers:
        """Index of each problem's first sample, [m]."""
        return np.cumsum(self.counts) - self.counts

    @cached_property
    def solutions(self) -> Integers:
        """c_x, correct samples of each problem, [m]."""
        return self.total(self.correct.astype(np.int64))

    @cached_property
    def accuracy(self) -> Floats:
        """c_x/k_x, [m]."""
        return self.solutions / self.counts

    def total(self, values: npt.NDArray[Any]) -> Any:
        """Sum of [N] values over each problem's samples, [m]."""
        return np.add.reduceat(values, self.starts)

    def returns(self, horizon: float, rows: Integers | slice = _EVERY) -> Floats:
        """R = (H - T + 1)_+ of every sample, or of those in `rows`, in tokens."""
        return np.maximum(horizon + 1.0 - self.time[rows], 0.0)

    def blocks(self, problems: Integers | None = None) -> Iterator[Block]:
        """Split the problems, or those named, into blocks with one number of samples each."""
        chosen = np.arange(len(self.counts)) if problems is None else problems
        counts = self.counts[chosen]
        for k in np.unique(counts):
            alike = chosen[counts == k]
            step = max(1, _CHUNK // int(k))
            for first in range(0, len(alike), step):
                part = alike[first : first + step]
                yield Block(part, self.starts[part] + np.arange(k)[:, None])
