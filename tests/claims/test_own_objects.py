"""The notebook of one's own objects runs from top to bottom and says what is so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.notebooks import opened


@pytest.fixture(scope="module")
def found() -> Any:
    outputs, found = opened("own_objects").run()
    assert len(outputs) == 8
    return found


def test_the_grid_has_the_own_policy_the_own_learner_and_what_is_built_in(found: Any) -> None:
    frame = found["grid"].frame
    assert len(frame) == 3 * 3 * 3
    assert set(frame.family) == {"explicit", "heterogeneous", "homogeneous"}
    assert set(frame.learner) == {"sft", "cautious_0.5", "simple"}
    one = found["one"].frame.set_index("learner").loss
    same = frame.query("family == 'explicit' and kappa == 0.25").set_index("learner").loss
    assert dict(one) == dict(same)
    assert np.isfinite(found["means"].to_numpy()).all()
    assert len(found["picture"].axes) == 3


def test_the_own_learner_is_half_the_base_policy_and_half_what_sft_plays(found: Any) -> None:
    import antiscale as ac
    from antiscale.learners import load_learner

    rng = np.random.default_rng(0)
    counts = rng.multinomial(5, [0.5, 0.5, 0.0], (4, 2))
    counts[0, 0] = 0
    pmf = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    data = type("Data", (), {"counts": counts, "n": 5})()
    setting = type("Setting", (), {"pmf": pmf})()
    mine = np.asarray(load_learner(found["Cautious"](0.5))(data, setting))
    n = counts.sum(-1, keepdims=True)
    cloned = np.where(n > 0, counts / np.maximum(n, 1), pmf)
    np.testing.assert_allclose(mine, (cloned + pmf) / 2, rtol=1e-12)
    assert ac.learners.SFT().side == found["Cautious"](0.5).side
