"""
Tiger
=====

A tiger is behind one of two doors, and the ear errs. An assistant listens until it is sure enough to open one; how sure
that is follows from what a mistake costs. Source: Kaelbling, Littman & Cassandra 1998.

``interaction demo tiger``
"""

from interaction.examples.tiger import figure_of, play, values_by_belief
from interaction.tasks.tiger import TigerTask

task = TigerTask(accuracy=0.85)
rights, values = values_by_belief(task, depth=4, discount=0.95)
runs = play(task, depth=4, discount=0.95, episodes=1, rounds=50, seed=0)
figure_of(rights, values, runs, depth=4)

# %%
# .. dropdown:: The example itself, ``examples/tiger.py``
#
#    .. literalinclude:: /../examples/tiger.py
#       :language: python
