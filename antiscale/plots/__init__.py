"""Pictures: rows in, a Matplotlib figure out; `style` is the look of all of them."""

from antiscale.plots.grid import grid_figure as grid_figure
from antiscale.plots.networks import study_figure as study_figure
from antiscale.plots.separation import draw_phase as draw_phase
from antiscale.plots.separation import separation_figure as separation_figure
from antiscale.plots.style import encode as encode
from antiscale.plots.sweep import sweep_figure as sweep_figure
