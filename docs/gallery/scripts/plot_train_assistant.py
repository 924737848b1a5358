"""
Training an assistant
=====================

An assistant learns from reward alone (PPO) to coordinate with a user whose rule it does not know; here for
30,000 steps, a quarter of what the example takes. It needs the extra ``rl``; without it, the best assistant
and chance are drawn.

``python -m interaction.examples.train_assistant``
"""

from importlib.util import find_spec

from interaction import Assistant, RandomPolicy, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.examples.train_assistant import USER, compare, returns, train
from interaction.plots import plot_comparison

if find_spec("stable_baselines3") is None:
    chance = Assistant(policy=RandomPolicy(spaces.Discrete(10)))
    found = {"oracle": returns(CoordinatedAssistant(USER)), "random": returns(chance)}
else:
    found = compare(train(steps=30_000).policy)
plot_comparison(found, xlabel="return")

# %%
# .. dropdown:: The example itself, ``examples/train_assistant.py``
#
#    .. literalinclude:: /../examples/train_assistant.py
#       :language: python
