"""The sweep's plot: from rows alone, the same bytes each time, and whatever the rows lack."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib import image

import antiscale as ac
from antiscale import plots
from antiscale.plots import style


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return ac.sweep(ac.SweepConfig(horizon=64, repeats=10, rewards=8)).frame


def test_the_same_rows_give_the_same_bytes(rows: pd.DataFrame) -> None:
    first, second = (plots.encode(plots.sweep_figure(rows, "A note.")) for _ in range(2))
    assert first == second
    assert first["png"].startswith(b"\x89PNG")
    assert b"<svg" in first["svg"]
    assert b"dc:date" not in first["svg"]


def test_curves_are_the_rows(rows: pd.DataFrame) -> None:
    figure = plots.sweep_figure(rows, "A note.")
    losses, gap = figure.axes
    drawn = {line.get_label(): line.get_ydata() for line in losses.get_lines()}
    np.testing.assert_array_equal(drawn["VF upper (T5a)"], rows.vf_upper)
    np.testing.assert_array_equal(drawn["VB upper (T7b)"], rows.vb_upper)
    measured = [box.lines[0].get_ydata() for box in losses.containers]
    np.testing.assert_array_equal(measured, [rows.vf_loss, rows.vb_loss])
    np.testing.assert_array_equal(gap.containers[0].lines[0].get_ydata(), rows.gap_measured)


def test_what_is_undefined_is_left_out(rows: pd.DataFrame) -> None:
    bare = rows.assign(
        vf_lower=None, vf_lower_local=None, vf_upper=None, vb_upper=None, gap_certified=None,
        vb_loss=0.0, vb_loss_low=0.0, vb_loss_high=0.0,
        vf_slope_theory=None, gap_slope_theory=None,
    )  # fmt: skip
    figure = plots.sweep_figure(bare, "A note.")
    labels = {text.get_text() for axes in figure.axes for text in axes.get_legend().get_texts()}
    assert labels == {"VF: cloning, sft", "VF over all of $\\mathcal{R}$", "measured"}
    plots.encode(figure)


def test_a_negative_gap_is_shown_on_a_linear_axis(rows: pd.DataFrame) -> None:
    negative = rows.assign(gap_measured=-1.0, gap_low=-1.5, gap_high=-0.5)
    figure = plots.sweep_figure(negative, "A note.")
    assert figure.axes[1].get_yscale() == "linear"


def test_nothing_is_drawn_outside_the_picture(rows: pd.DataFrame) -> None:
    note = "At H = 64 cloning loses 2 tokens; cloning's loss goes as H^0.5. " * 4
    figure = plots.sweep_figure(rows, note)
    pixels = image.imread(io.BytesIO(plots.encode(figure)["png"]))
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (border[:, :3] == 1).all()


def test_exponents_in_the_note_are_raised_and_equations_not_broken() -> None:
    text = style.paragraph("x " * 60 + "at H = 4096 it goes as H^-0.007.")
    assert "$H^{-0.007}$" in text
    assert "H\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}4096" in text
    assert math.prod(len(line) <= 150 for line in text.splitlines())


def test_a_coarse_point_is_hollow_and_an_exact_one_has_no_bar(rows: pd.DataFrame) -> None:
    changed = rows.assign(
        vb_coarse=[False, False, True], vb_loss_low=[0.05, 0.05, 0.0], vf_method="exact",
        vf_loss_low=rows.vf_loss, vf_loss_high=rows.vf_loss,
    )  # fmt: skip
    losses = plots.sweep_figure(changed, "A note.").axes[0]
    (hollow,) = [line for line in losses.get_lines() if line.get_label().startswith("hollow")]
    np.testing.assert_array_equal(hollow.get_ydata(), rows.vb_loss[2:])
    labels = [box.get_label() for box in losses.containers]
    assert labels[0] == "VF: cloning, sft, exact"
    bars = losses.containers[0].lines[2][0].get_segments()
    assert all(np.isnan(bar).any() or np.size(bar) == 0 for bar in bars)
