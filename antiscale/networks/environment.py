"""An environment: what a prompt asks, who writes traces, and the token that makes one right.

A sequence is a prompt [P tokens], a head that announces how the trace is written (its first token
is the style), and a body of H tokens. The verifier says T, the token of the body that makes the
trace right, H + 1 if none does; the return is R = H - T + 1 tokens.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import jax
import numpy.typing as npt

# Float64 by default, before any array is made.
from antiscale.core import device as device
from antiscale.core import validate
from antiscale.core.config import FromMapping, option
from antiscale.core.validate import Floats

Key: TypeAlias = jax.Array
Tokens: TypeAlias = jax.Array
Array: TypeAlias = npt.NDArray[Any]
# For `base` where it is written in JAX: compiled once for an environment, a horizon and a batch.
drawn = functools.partial(jax.jit, static_argnums=(0, 3))


@dataclass(frozen=True, kw_only=True)
class Environment(FromMapping):
    """What every environment has in common.

    Attributes
    ----------
    environment
        Its name on the command line.
    held_out
        Prompts on which the base policy is trained and no arm is, to see what else changes.
    announced
        Whether the head tells the hitting time, so that a reward may be mirrored (T4).
    nested
        Whether traces of a smaller budget are those of a larger one, cut: then the base policy is
        pretrained at the largest alone.
    """

    horizons: tuple[int, ...] = (16, 32)
    prompts: int = option(16, validate.integer, least=2, most=512)
    seed: int = option(0, validate.integer, least=0)
    spread: float = option(1.0, validate.chance)

    environment: ClassVar[str]
    announced: ClassVar[bool]
    held_out: ClassVar[int] = 0
    nested: ClassVar[bool] = False

    @property
    def all_prompts(self) -> int:
        """M, all prompts that there are; the first m are finetuned on."""
        return self.prompts + self.held_out

    @property
    def taught(self) -> range:
        """Prompts on which the base policy is pretrained."""
        return range(self.all_prompts)

    @property
    def evaluated(self) -> range:
        """Prompts on which J and the losses are measured."""
        return range(self.prompts)

    @staticmethod
    def near(base: Mapping[Hashable, Any]) -> bool:
        """Whether a base, a row of a study, is near its procedure: the stop rule asks it.

        Its J is within 5% of the procedure's.
        """
        return abs(base["J"] - base["J_procedure"]) <= 0.05 * base["J_procedure"]

    # Tokens of the prompt and of the head.
    prompt: ClassVar[int]
    head: ClassVar[int]

    @property
    def vocabulary(self) -> int:
        """Tokens in all."""
        raise NotImplementedError

    @property
    def styles(self) -> int:
        """How many styles there are."""
        raise NotImplementedError

    @property
    def style_names(self) -> tuple[str, ...]:
        """What the styles are called."""
        return tuple(f"style {k}" for k in range(self.styles))

    @property
    def first_style(self) -> int:
        """The token of style 0; the others follow."""
        raise NotImplementedError

    @property
    def lead(self) -> int:
        """Tokens before the body."""
        return self.prompt + self.head

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return self.lead + max(self.horizons)

    def prefix(self, horizon: int) -> Array:
        """Return the prompts, [M, P]."""
        raise NotImplementedError

    def base(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Draw whole sequences of the procedural base policy at prompts x [B]: [B, lead + H].

        Called outside of jit, so that it may be written in NumPy.
        """
        raise NotImplementedError

    def best(self, key: Key, x: jax.Array, horizon: int) -> Tokens:
        """Draw sequences that are right as soon as can be (optimal paths)."""
        raise NotImplementedError

    def times(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """T of sequences [B, lead + H] at prompts x [B]."""
        raise NotImplementedError

    def valid(self, tokens: Tokens, x: jax.Array) -> jax.Array:
        """Share of a sequence's steps that the procedure could have written, [B] (the audit)."""
        raise NotImplementedError

    def law(self, horizon: int) -> Floats:
        """P(style, R) of the procedural base policy, exactly: [M, styles, H + 1]."""
        raise NotImplementedError
