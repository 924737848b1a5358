"""
Training a user
===============

A user learns from reward alone (PPO) to point, where the best step is known: the full one until the goal is
in reach, and then the exact one. Here it learns for 60,000 steps, a fifteenth of what the example takes, so
that it still errs. It needs the extra ``rl``; without it, the known best is drawn.

``python -m interaction.examples.train_user``
"""

from importlib.util import find_spec

from interaction.examples.train_user import BestPolicy, plot_steps, train

policy = BestPolicy() if find_spec("stable_baselines3") is None else train(steps=60_000).policy
plot_steps(policy)

# %%
# .. dropdown:: The example itself, ``examples/train_user.py``
#
#    .. literalinclude:: /../examples/train_user.py
#       :language: python
