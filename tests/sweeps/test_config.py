"""Configurations: what they allow, and what they say when they do not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import antiscale as ac
from antiscale.core.config import read_config
from antiscale.sweeps.config import SweepConfig, doubling
from antiscale.sweeps.plan import Plan


def test_horizons_double_from_sixteen() -> None:
    assert SweepConfig(horizon=128).cells() == [(h, 32 * h, 0.0) for h in (16, 32, 64, 128)]
    assert [place.horizon for place in SweepConfig(horizon=100).cells()] == [16, 32, 64, 100]
    assert [place.horizon for place in SweepConfig(horizon=9).cells()] == [9]


def test_samples_fix_n_and_vary_n_grows_it() -> None:
    assert {place.n for place in SweepConfig(horizon=64, samples=77).cells()} == {77}
    cells = SweepConfig(horizon=64, samples=100, vary="n").cells()
    assert [(h, n) for h, n, _ in cells] == [(64, 16), (64, 32), (64, 64), (64, 100)]
    cells = SweepConfig(horizon=64, vary="n").cells()
    assert [(h, n) for h, n, _ in cells] == [(64, 512), (64, 1024), (64, 2048)]


def test_vary_noise_raises_the_flip_probability_from_zero() -> None:
    cells = SweepConfig(horizon=64, vary="noise", noise=0.3).cells()
    assert {(h, n) for h, n, _ in cells} == {(64, 2048)}
    assert [noise for _, _, noise in cells] == pytest.approx([0.05 * i for i in range(7)])
    with pytest.raises(ac.InputError, match="give noise"):
        SweepConfig(vary="noise")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"horizon": 0}, "horizon must be a whole number >= 1"),
        ({"horizon": 1.5}, "horizon must be a whole number"),
        ({"horizon": math.nan}, "horizon must be a whole number"),
        ({"horizon": True}, "horizon must be a whole number"),
        ({"kappa": -0.1}, "kappa must be >= 0"),
        ({"kappa": math.nan}, "kappa must be finite"),
        ({"kappa": "big"}, "kappa must be a number"),
        ({"repeats": 1}, "repeats must be a whole number >= 2"),
        ({"samples": 0}, "samples must be a whole number >= 1"),
        ({"samples_per_token": 0}, "samples_per_token must be > 0"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"c0": 1.5}, r"c0 must lie in \[0, 1\]"),
        ({"quantile": 1.0}, r"quantile must lie in \(0, 1\)"),
        ({"expert": "best"}, "unknown expert 'best'"),
        ({"form": "points"}, "unknown form 'points'"),
        ({"vary": "m"}, "unknown vary 'm'"),
        ({"family": 3}, "family must be a name"),
        ({"learner": 3}, "learner must be a name or a list of names"),
        ({"parameters": 3}, "parameters must be a table"),
        ({"horizn": 16}, "unknown config key 'horizn'; did you mean 'horizon'?"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_line(changes: dict, words: str) -> None:
    with pytest.raises(ac.InputError, match=words) as error:
        SweepConfig.from_mapping(changes)
    assert "\n" not in str(error.value)


def test_the_hash_names_the_configuration() -> None:
    assert Plan.of(SweepConfig()).hash == Plan.of(SweepConfig(horizon=4096)).hash
    assert Plan.of(SweepConfig()).hash == Plan.of(SweepConfig().to_dict()).hash
    different = [SweepConfig(seed=1), SweepConfig(kappa=0.5), SweepConfig(learner="wide")]
    assert len({Plan.of(config).hash for config in (SweepConfig(), *different)}) == 4


def test_a_config_is_frozen() -> None:
    with pytest.raises(AttributeError):
        SweepConfig().horizon = 3  # type: ignore[misc]


def test_prompts_given_twice_are_refused() -> None:
    config = SweepConfig(prompts=2, parameters={"prompts": 3})
    with pytest.raises(ac.InputError, match="given twice"):
        config.family_parameters()


def test_config_files_are_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    with pytest.raises(ac.InputError, match="does not exist"):
        read_config(file)
    file.write_text("horizon = ")
    with pytest.raises(ac.InputError, match="not valid TOML"):
        read_config(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ac.InputError, match="cannot be read"):
        read_config(file)
    with pytest.raises(ac.InputError, match="cannot be read"):
        read_config(tmp_path)
    file.write_text('horizon = 64\nlearner = ["wide"]\n[parameters]\nspread = 0.5\n')
    config = SweepConfig.from_mapping(read_config(file))
    assert config.learner == ("wide",)
    assert config.family_parameters()["spread"] == 0.5


def test_defaults_spelled_out_name_the_same_run() -> None:
    by_default = SweepConfig()
    spelled = SweepConfig(prompts=8, parameters={"styles": 18, "spread": 1.0})
    assert Plan.of(spelled).hash == Plan.of(by_default).hash
    assert Plan.of(SweepConfig(prompts=7)).hash != Plan.of(by_default).hash
    with pytest.raises(ac.InputError, match="unknown family 'nonesuch'"):
        Plan.of(SweepConfig(family="nonesuch"))


def test_a_grid_that_doubles_never_passes_its_end() -> None:
    assert doubling(16, 64) == [16, 32, 64]
    assert doubling(16, 70) == [16, 32, 64, 70]
    # A rounded logarithm takes this for a power of two.
    assert doubling(1, 2**31 - 1)[-2:] == [2**30, 2**31 - 1]
