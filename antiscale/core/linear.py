"""Small linear systems in bulk.

Gaussian elimination with partial pivoting, written in JAX: on a CPU the LAPACK calls behind
`jnp.linalg.solve` wait for one another forever when two cells of a sweep make them at once.
"""

import jax
import jax.numpy as jnp
from jax import lax


def solve_small(matrix: jax.Array, vector: jax.Array) -> jax.Array:
    """Solve A z = b for A [..., k, k] and b [..., k], k up to a few dozen.

    The cost is k steps on the whole batch. A singular matrix gives inf or NaN.
    """
    size = matrix.shape[-1]
    batch = jnp.broadcast_shapes(matrix.shape[:-2], vector.shape[:-1])
    a = jnp.broadcast_to(matrix, (*batch, size, size))
    b = jnp.broadcast_to(vector, (*batch, size))[..., None]
    rows = jnp.concatenate([a, b], axis=-1)
    index = jnp.arange(size)

    def eliminate(i: jax.Array, rows: jax.Array) -> jax.Array:
        column = rows[..., i]
        best = jnp.argmax(jnp.where(index >= i, jnp.abs(column), -1.0), axis=-1)
        pivot_row = jnp.take_along_axis(rows, best[..., None, None], axis=-2)
        here = lax.dynamic_slice_in_dim(rows, i, 1, axis=-2)
        is_best = (index == best[..., None])[..., None]
        is_here = (index == i)[:, None]
        rows = jnp.where(is_best, here, rows)
        rows = jnp.where(is_here, pivot_row / pivot_row[..., i][..., None], rows)
        factor = jnp.where(index == i, 0.0, rows[..., i])
        scaled = lax.dynamic_slice_in_dim(rows, i, 1, axis=-2)
        return rows - factor[..., None] * scaled

    return lax.fori_loop(0, size, eliminate, rows)[..., -1]
