"""
Delusions
=========

An assistant imitates an expert of a bandit. If it takes its own pulls for the expert's, it soon is sure of an arm for no
reason but that it pulled it. Source: Ortega et al. 2021, "Shaking the foundations".

``interaction demo delusions``
"""

from interaction.display import print_table
from interaction.examples.delusions import ROUNDS, figure_of, play_all, table

played = play_all(episodes=1_000, seed=0, progress=False)
columns = ["", *(one.name for one in played)]
print_table(f"1,000 games of {ROUNDS} rounds, with 95 % intervals", columns, table(played))
figure_of(played)

# %%
# .. dropdown:: The example itself, ``examples/delusions.py``
#
#    .. literalinclude:: /../examples/delusions.py
#       :language: python
