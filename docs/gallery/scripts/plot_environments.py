"""
Environments
============

The shipped domains are registered with gymnasium, one environment for each side. Here every environment is played by actions
at random: what any learner has to beat.

``python -m interaction.examples.environments``
"""

import gymnasium
import numpy as np

from interaction.examples.environments import ENVIRONMENTS
from interaction.plots import figure, interval, title
from interaction.plots.style import COLOURS

mean, half = {}, {}
for name in ENVIRONMENTS:
    envs = gymnasium.make_vec(name, num_envs=200)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    returns, playing = np.zeros(200), np.ones(200, bool)
    for _ in range(100):
        _, rewards, ended, stopped, _ = envs.step(envs.action_space.sample())
        returns += rewards * playing
        playing &= ~(ended | stopped)
    mean[name], half[name] = interval(returns)

_, panels = figure(height=2.2)
ax = panels["a"]
ax.errorbar(list(mean.values()), range(len(mean)), xerr=list(half.values()), fmt="o", color=COLOURS[0])
ax.set_yticks(range(len(mean)), [name.removeprefix("interaction/") for name in mean])
ax.set(xlabel="return", ylim=(len(mean) - 0.5, -0.5))
title(ax, "Actions at random", "mean and 95 % t interval, n = 200")

# %%
# .. dropdown:: The example itself, ``examples/environments.py``
#
#    .. literalinclude:: /../examples/environments.py
#       :language: python
