"""Dataclasses that pass through `jax.jit` as data."""

import dataclasses
from typing import Any, TypeVar

import jax

T = TypeVar("T", bound=type)


def pytree(cls: T) -> T:
    """Register a frozen dataclass as a JAX pytree whose structure names the class.

    Fields are data, those with `metadata={"static": True}` are compared instead. To jaxlib (0.10
    and 0.12) the structures of two classes that `jax.tree_util.register_dataclass` has registered
    are equal if their fields have the same names; a compiled function may then run the program
    that was compiled for the other class.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @pytree
    ... @dataclass(frozen=True)
    ... class Pair:
    ...     first: float
    ...     second: float
    >>> jax.tree_util.tree_leaves(Pair(1.0, 2.0))
    [1.0, 2.0]
    """
    static = {field.name: field.metadata.get("static", False) for field in dataclasses.fields(cls)}
    data = [name for name, fixed in static.items() if not fixed]
    other = [name for name, fixed in static.items() if fixed]

    def flatten(tree: Any) -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
        keyed = [(jax.tree_util.GetAttrKey(name), getattr(tree, name)) for name in data]
        return keyed, (cls, *(getattr(tree, name) for name in other))

    def unflatten(about: tuple[Any, ...], leaves: Any) -> Any:
        tree: Any = object.__new__(cls)
        for name, value in zip(data + other, (*leaves, *about[1:]), strict=True):
            object.__setattr__(tree, name, value)
        return tree

    jax.tree_util.register_pytree_with_keys(cls, flatten, unflatten)
    return cls
