"""Dataclasses as pytrees: a compiled function must tell one class from another."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import pytest

import antiscale as ac
from antiscale.core.pytree import pytree
from antiscale.rewards import CLASSES


@pytree
@dataclass(frozen=True)
class Sum:
    first: float
    second: float
    power: int = field(default=1, metadata={"static": True})

    def value(self) -> float:
        return (self.first + self.second) ** self.power


@pytree
@dataclass(frozen=True)
class Difference(Sum):
    def value(self) -> float:
        return (self.first - self.second) ** self.power


def test_classes_with_the_same_fields_have_different_structures() -> None:
    structures = [
        jax.tree_util.tree_structure(tree)
        for tree in (Sum(3.0, 1.0), Difference(3.0, 1.0), Sum(3.0, 1.0, 2))
    ]
    assert all(a != b for a, b in itertools.combinations(structures, 2))
    assert jax.tree_util.tree_structure(Sum(5.0, 0.0)) == structures[0]


def test_a_compiled_function_takes_each_class_for_what_it_is() -> None:
    value = jax.jit(lambda tree: tree.value())
    assert value(Sum(3.0, 1.0, 2)) == 16.0
    assert value(Difference(3.0, 1.0, 2)) == 4.0
    back = jax.jit(lambda tree: tree)(Difference(3.0, 1.0, 2))
    assert isinstance(back, Difference)
    assert (float(back.first), float(back.second), back.power) == (3.0, 1.0, 2)
    twice = jax.vmap(lambda tree: tree.value())(Sum(jnp.arange(3.0), jnp.ones(3)))
    assert twice.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("pair", [*itertools.combinations(sorted(CLASSES), 2)], ids="-".join)
def test_no_two_reward_classes_look_alike(pair: tuple[str, str]) -> None:
    # They took one another's compiled program in one process of twenty.
    model = ac.load_family("heterogeneous", horizon=32, prompts=2, styles=3, lengths=2)
    extra = {"explicit": {"hitting_times": [model.hitting_times.tolist()]}}
    one, other = (
        jax.tree_util.tree_structure(ac.load_class(name, model, **extra.get(name, {})))
        for name in pair
    )
    assert one != other
