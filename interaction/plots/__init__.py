"""Pictures of runs, of single episodes and of fits.

Each function draws on given matplotlib axes, or makes some, and returns them (extra `plot`). All have the
look of `interaction.plots.style`. Pictures of posteriors are our own, by arviz-stats: arviz-plots 0.8 cannot
be imported beside matplotlib 3.11.
"""

from interaction.means import interval
from interaction.plots.comparison import plot_comparison, plot_differences
from interaction.plots.films import animate, filmstrip, games_of, plot_episode
from interaction.plots.fits import plot_density, plot_forest, plot_pairs, plot_trace
from interaction.plots.predictive import plot_predictive
from interaction.plots.runs import plot_belief, plot_posterior, plot_rewards
from interaction.plots.style import axes_of, check_matplotlib, check_picture, figure, save, styled, title

__all__ = [
    "animate",
    "axes_of",
    "check_matplotlib",
    "check_picture",
    "figure",
    "filmstrip",
    "games_of",
    "interval",
    "plot_belief",
    "plot_comparison",
    "plot_density",
    "plot_differences",
    "plot_episode",
    "plot_forest",
    "plot_pairs",
    "plot_posterior",
    "plot_predictive",
    "plot_rewards",
    "plot_trace",
    "save",
    "styled",
    "title",
]
