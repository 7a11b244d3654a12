"""The planted subsequence: the paper's didactic problem, with an exact law (T11)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from antiscale.core import machine, validate
from antiscale.core.config import FromMapping, option
from antiscale.core.errors import InputError
from antiscale.core.validate import shown
from antiscale.models.chains import TokenChain, planted_chain
from antiscale.models.families import uniform
from antiscale.models.traces import TraceModel


@dataclass(frozen=True, kw_only=True)
class Planted(FromMapping):
    """Write until a planted word is at the trace's end; policies differ in skill.

    A prompt is a context whose answer is a word y* of L tokens. A policy of skill gamma, having
    the first k tokens of y* at the end of its trace, writes the next one with probability gamma,
    else another token evenly. Skills are the styles, announced by the first token: their mixture
    is the heterogeneity knob. Skills are set by pace, their mean hitting time over H, so sigma is
    proportional to H and both premises hold. Words that overlap themselves (000, 010) fall back
    to a shorter prefix rather than to nothing. With announced = false T shows only as it
    happens, and T4 does not apply (see the family geometric).

    Parameters
    ----------
    targets
        One word of token numbers for each prompt; the prompts are equally likely.
    vocabulary
        V >= 2.
    paces
        Mean hitting time of each skill over H, averaged over prompts.
    weights
        Probability of each skill.
    announced
        Whether the first token announces T as well as the skill.
    """

    name: ClassVar[str] = "planted"
    targets: tuple[tuple[int, ...], ...] = ((0, 1, 2), (0, 0, 0), (0, 1, 0), (0, 0, 1))
    vocabulary: int = option(8, validate.integer, least=2, most=10**6)
    paces: tuple[float, ...] = (0.25, 0.5, 2.0)
    weights: tuple[float, ...] = (0.3, 0.3, 0.4)
    announced: bool = option(True, validate.boolean)

    def agree(self) -> None:
        """Refuse paces and weights that do not go together, and words that make no chain."""
        paces = validate.floats("paces", self.paces)
        if paces.ndim != 1 or not len(paces) or not (paces > 0).all():
            raise InputError(f"paces must list numbers > 0; got {shown(self.paces)}")
        if len(validate.pmf("weights", self.weights)) != len(paces):
            raise InputError(
                f"weights must have one entry per pace; got {len(self.weights)} and {len(paces)}"
            )
        if not isinstance(self.targets, tuple | list) or not self.targets:
            raise InputError(f"targets must list at least one word; got {shown(self.targets)}")
        # Skills are found by trying some sixty of each.
        seconds = 6e-4 * len(self.targets) * len(paces) * self.vocabulary
        what = f"a vocabulary of {self.vocabulary} tokens"
        machine.require(what, "the vocabulary", seconds=seconds)
        for target in self.targets:
            planted_chain(target, self.vocabulary, [0.5], [1.0])

    @property
    def reward_class(self) -> str:
        """The class that a sweep uses by default."""
        return "mirror" if self.announced else "known"

    def skills(self, horizon: int) -> tuple[float, ...]:
        """Gamma of each pace: the skill whose mean hitting time is pace * H, over prompts."""
        from scipy import optimize  # late: SciPy would double the time of --help

        def mean_time(log_gamma: float) -> float:
            gamma = [float(np.exp(log_gamma))]
            chains = (planted_chain(y, self.vocabulary, gamma, [1.0]) for y in self.targets)
            return float(np.mean([chain.mean_time() for chain in chains]))

        # The walk is fastest at gamma = 1; below gamma = 1/V it is slower than blind writing.
        found = []
        for pace in self.paces:
            goal = pace * horizon
            if mean_time(0.0) >= goal:
                raise InputError(
                    f"no skill has a mean hitting time of {pace:g} H = {goal:g} tokens: the words "
                    f"take {mean_time(0.0):g} tokens at least; raise the pace or the horizon"
                )
            low = -1.0
            while mean_time(low) < goal:
                low *= 2.0
                if low < -200.0:
                    raise InputError(f"no skill has a mean hitting time of {goal:g} tokens")
            root = optimize.brentq(lambda z, g=goal: np.log(mean_time(z) / g), low, 0.0, xtol=1e-14)
            found.append(float(np.exp(root)))
        return tuple(found)

    def chains(self, horizon: int) -> list[TokenChain]:
        """Return the token-level chain of each prompt; its first action announces the skill."""
        skills = self.skills(horizon)
        return [planted_chain(y, self.vocabulary, skills, self.weights) for y in self.targets]

    def size(self, horizon: int) -> tuple[int, int]:
        """How many prompts and types the model has at most."""
        return len(self.targets), uniform.types_of(horizon)

    def at(self, horizon: int) -> TraceModel:
        """Build the model with test-time budget `horizon` (tokens)."""
        law = np.stack([chain.hitting_law(horizon) for chain in self.chains(horizon)])
        return uniform.model_of_hitting_times(self.name, law, announced=self.announced)
