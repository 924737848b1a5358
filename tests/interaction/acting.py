"""A step of whatever can be played by hand: bundles and environments."""

import numpy as np

from interaction import Bundle
from interaction.envs import BundleAEC, BundleParallel, UserVectorEnv


def act(one):
    """Take a step, and give all that it gives."""
    if isinstance(one, Bundle):
        return one.step()
    if isinstance(one, BundleAEC):
        one.step(1)
        return [one.observe(agent) for agent in one.agents], one.rewards, one.agent_selection
    if isinstance(one, BundleParallel):
        return one.step(dict.fromkeys(one.agents, 1))
    return one.step(np.ones(5, int) if isinstance(one, UserVectorEnv) else 1)
