"""What the theory predicts at a trained base's law, and what a study's rows say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from antiscale.networks import words
from antiscale.networks.planted import Planted
from antiscale.networks.styles import Styles
from antiscale.networks.theory import predictions


def split(law: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(style), and the law of the return given the style."""
    style = law.sum(-1)
    return style, law / style[..., None]


@pytest.fixture(scope="module")
def law() -> np.ndarray:
    return Styles(horizons=(16,), prompts=4).law(16)


def test_predictions_keep_their_order(law: np.ndarray) -> None:
    style, returns = split(law)
    found = [
        predictions(style, returns, horizon=16, kappa=0.25, n=n, announced=True, seed=0)
        for n in (16, 64, 1024)
    ]
    for one in found:
        # 200 draws of some 4 prompts: their mean is off by less than 15% (6 standard errors).
        assert 0 < one["vf_lower"] < one["sft_tabular"] < 1.15 * one["sft_upper"]
        assert one["sigma"] <= one["sigma_max"] + 1e-9
        assert one["simple_upper"] <= 2 * one["sigma"] * 0.25**0.5 + 1e-9
    for name in ("vf_lower", "sft_tabular", "sft_upper", "simple_upper"):
        values = [one[name] for one in found]
        assert values == sorted(values, reverse=True)


def test_the_tabular_clone_is_the_mean_of_its_traces() -> None:
    # One prompt: SFT's J is the mean return of its n traces of the expert.
    world = Planted(horizons=(12,), prompts=2)
    style, returns = split(world.law(12)[:1])
    n, kappa, gain = 25, 0.25, np.arange(13.0)
    found = predictions(style, returns, horizon=12, kappa=kappa, n=n, announced=False, seed=3)
    pmf = (style[..., None] * returns).sum(-2)[0]
    # The ball's best ratio where it cuts nothing off (checked): 1 + sqrt(kappa) (R - J)/sigma.
    mean, sigma = pmf @ gain, np.sqrt(pmf @ gain**2 - (pmf @ gain) ** 2)
    ratio = 1 + np.sqrt(kappa) * (gain - mean) / sigma
    assert ratio.min() > 0
    expert = pmf * ratio
    rng = np.random.default_rng(0)
    drawn = rng.choice(gain, size=(20_000, n), p=expert / expert.sum()).mean(-1)
    truth = np.abs(drawn - expert @ gain)
    # 200 draws there, 20,000 here: five standard errors of the former, 6e-7.
    assert found["sft_tabular"] == pytest.approx(truth.mean(), abs=5 * truth.std() / 200**0.5)
    assert found["V_kappa"] == pytest.approx(expert @ gain)
    assert found["vf_lower"] is None
    assert found["simple_upper"] is None


def rows(**losses: list[float]) -> pd.DataFrame:
    """Rows of sft and ball at H = 16 and 32, n = 2 H, and H = 32, n = 8 H; four data seeds.

    A fourth value is at spread 0.5, H = 32 and n = 2 H.
    """
    made: list[dict[str, Any]] = []
    for horizon in (16, 32):
        made.append({"method": "base", "horizon": horizon, "n": 0, "seed": 0, "J": 5.0,
                     "J_procedure": 5.1, "spread": 1.0, "sigma": 10.0})  # fmt: skip
    places = ((16, 32, 1.0), (32, 64, 1.0), (32, 256, 1.0), (32, 64, 0.5))
    if len(losses["sft"]) == 4:
        made.append(made[1] | {"spread": 0.5, "sigma": 6.0})
    for sign, (method, values) in zip((1, -1), losses.items(), strict=True):
        for (horizon, n, spread), value in zip(places, values, strict=False):
            for seed in range(4):
                loss = value + 0.01 * sign * seed
                made.append({"method": method, "horizon": horizon, "n": n, "seed": seed,
                             "loss": loss, "J": 7.0, "spread": spread})  # fmt: skip
    found = pd.DataFrame(made).assign(reward="r", base_seed=0, J_base=5.0, J_expert=8.0)
    return found.assign(environment="planted")


def test_the_reading_follows_from_the_intervals() -> None:
    said = words.reading(rows(sft=[1.0, 2.0, 0.6], ball=[0.5, 0.5, 0.5]))
    assert said[0].startswith("The gap grows with H (n = 2 H, H = 16 to 32): from 0.53 to 1.5")
    assert said[1].startswith("The gap shrinks with n (H = 32, n = 64 to 256): from 1.5 to 0.13")
    same = words.reading(rows(sft=[1.0, 1.0, 1.0], ball=[0.5, 0.5, 0.5]))
    assert all(sentence.startswith("Not shown at this size") for sentence in same[:2])
    less = words.reading(rows(sft=[1.0, 0.7, 2.0], ball=[0.5, 0.5, 0.5]))
    assert less[0].startswith("The gap shrinks with H")
    assert less[1].startswith("The gap grows with n")


def test_heterogeneity_is_read_at_one_place() -> None:
    said = words.reading(rows(sft=[1.0, 2.0, 0.6, 1.0], ball=[0.5, 0.5, 0.5, 0.5]))
    place = "(H = 32, n = 64, sigma = 6.00 to 10.0 tokens)"
    assert said[2].startswith(f"The gap grows with heterogeneity {place}: from 0.53 to 1.5")
    # The other two speak of the study's own spread.
    assert said[:2] == words.reading(rows(sft=[1.0, 2.0, 0.6], ball=[0.5, 0.5, 0.5]))[:2]
    found = rows(sft=[1.0, 2.0, 0.6, 1.0], ball=[0.5, 0.5, 0.5, 0.5])
    found.loc[(found["method"] == "base") & (found["spread"] == 0.5), "J"] = 4.0
    assert words.reading(found)[2].startswith("Heterogeneity: no comparison")
    assert words.reading(rows(sft=[1.0, 2.0, 0.6], ball=[0.5, 0.5, 0.5]))[2].endswith("this study.")
    assert len(words.comparable(found)) == len(found) - 9


def test_a_base_far_from_its_procedure_is_not_compared() -> None:
    found = rows(sft=[1.0, 2.0, 0.6], ball=[0.5, 0.5, 0.5])
    far = (found["method"] == "base") & (found["horizon"] == 32)
    found.loc[far, "J"] = 4.8  # 5.9% below 5.1
    assert set(words.comparable(found)["horizon"]) == {16}
    assert words.reading(found)[0] == "H: no two horizons share n/H."
    found.loc[far, "J"] = 4.9  # 3.9%
    assert set(words.comparable(found)["horizon"]) == {16, 32}


def test_runs_that_kept_their_start_are_counted() -> None:
    found = rows(sft=[1.0, 2.0, 0.6], ball=[0.5, 0.5, 0.5])
    found.loc[found.index[found["method"] == "ball"][:3], "J"] = 5.2
    assert words.kept_start(found, "ball") == (3, 12)
    assert words.kept_start(found, "sft") == (0, 12)
