"""How many traces each side needs: the bounds inverted, against the bounds themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

import antiscale as ac
from antiscale import bounds
from antiscale.sweeps import sample_size
from antiscale.sweeps.case import Case
from antiscale.sweeps.sample_size import MOST, traces_needed


def case(**options) -> Case:
    config = ac.SweepConfig.of({"horizon": 64, "repeats": 2} | options)
    return Case.of(config, 64, 100, whole=False)


@pytest.mark.parametrize("options", [{}, {"family": "two_point"}, {"expert": "base"}])
@pytest.mark.parametrize("loss", [0.3, 3.0])
def test_the_bounds_cross_the_loss_where_it_says(options, loss: float) -> None:
    at = case(**options)
    found = traces_needed(at, loss)
    model = at.model

    def lower(n: int) -> float:
        term = bounds.vf_lower_over_ball(
            model.pmf, model.returns, n, prompt_mass=model.prompt_mass, kappa=at.kappa
        )
        return float(model.prompt_mass @ term)

    def upper(side: str, n: int) -> float:
        return at.learners[side].upper(at.with_samples(n), "stated").value

    assert lower(found["vf_least"] - 1) > loss
    assert lower(int(found["vf_least"] * 1.002) + 1) <= loss
    for side in ("vf", "vb"):
        most = found[f"{side}_most"]
        assert upper(side, most) <= loss
        assert upper(side, 3 * most) <= loss
        assert most <= 1 or upper(side, int(most * 0.998) - 1) > loss
    if not options:  # the run's own expert may be easier than the worst one
        assert 0 < found["vf_least"] < found["vf_most"]
    assert found["ratio"] == found["vf_least"] / found["vb_most"]
    assert sample_size.reading(found).startswith(f"To lose no more than {loss:g} tokens at H = 64")


def test_fewer_tokens_need_more_traces() -> None:
    at = case()
    found = [traces_needed(at, loss) for loss in (0.01, 0.1, 1.0)]
    for name in ("vf_least", "vf_most", "vb_most"):
        numbers = [one[name] for one in found]
        assert numbers == sorted(numbers, reverse=True)
        assert len(set(numbers)) == 3
    # Cloning pays for a tenth of the loss with a hundred times the traces, verification with ten.
    assert found[0]["vf_least"] / found[1]["vf_least"] == pytest.approx(100, rel=0.1)
    assert found[0]["vb_most"] / found[1]["vb_most"] == pytest.approx(10, rel=0.1)


def test_where_no_bound_holds_it_says_why() -> None:
    found = traces_needed(case(family="geometric", parameters={"announced": False}), 1.0)
    assert found["vf_least"] is None
    assert "T4 does not apply" in found["vf_least_reason"]
    assert found["ratio"] is None
    found = traces_needed(case(learner=("sft", "rejection")), 1.0)
    assert found["vb_most"] is None
    assert "no bound is proved" in found["vb_most_reason"]
    assert "no vb_most: no bound is proved" in sample_size.reading(found)
    # The bound says nothing above what it is without data.
    found = traces_needed(case(), 1000.0)
    assert found["vf_least"] is None
    assert "without any data" in found["vf_least_reason"]
    # And no fewer than all that are looked at where the loss is tiny.
    found = traces_needed(case(family="two_point"), 1e-8)
    assert found["vf_least"] == MOST + 1
    assert "above 1e-08 tokens at n = " in found["vf_most_reason"]


def test_the_crossing_is_the_last_one() -> None:
    """Against every n, for a function that comes back above the loss."""
    values = np.array([9, 1, 1, 7, 7, 7, 7, 6, 1, *([1] * 4000)])
    enough = [bool((values[n:] <= 3).all()) for n in range(len(values))]
    low, high = sample_size._crossing(lambda n: n >= len(values) or values[n] <= 3, step=2)
    assert (low, high) == (7, 8) == (enough.index(True) - 1, enough.index(True))
    assert sample_size._crossing(lambda n: True, step=4) == (0, 1)
    assert sample_size._crossing(lambda n: n > MOST, step=4) is None
    low, high = sample_size._crossing(lambda n: n >= 123_456_789, step=16)
    assert low < 123_456_789 <= high
    assert high - low <= 1e-3 * high


def test_the_command_asks_it(run) -> None:
    found = run(
        "separation", "--family", "two_point", "--horizon", "32", "--repeats", "2", "--no-phase",
        "--loss", "2", "--json",
    )  # fmt: skip
    assert found.status == 0
    traces = json.loads(found.out)["traces"]
    assert traces["loss"] == 2.0
    assert traces["horizon"] == 32
    assert traces["vf_least"] <= traces["vf_most"]
    bad = run("separation", "--loss", "0")
    assert bad.status == 2
    assert "--loss must be > 0; got 0" in bad.err
    with pytest.raises(ac.InputError, match="loss must be > 0"):
        ac.separation(horizon=16, loss=-1.0)
