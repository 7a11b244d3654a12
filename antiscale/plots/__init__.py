"""Pictures: rows in, a Matplotlib figure out."""

from antiscale.plots.separation import draw_crossing as draw_crossing
from antiscale.plots.separation import draw_phase as draw_phase
from antiscale.plots.separation import separation_figure as separation_figure
from antiscale.plots.sweep import annotate as annotate
from antiscale.plots.sweep import draw_gap as draw_gap
from antiscale.plots.sweep import draw_losses as draw_losses
from antiscale.plots.sweep import encode as encode
from antiscale.plots.sweep import paragraph as paragraph
from antiscale.plots.sweep import styled as styled
from antiscale.plots.sweep import sweep_figure as sweep_figure
