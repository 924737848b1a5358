"""
Pointing
========

A user brings a cursor to one of ten targets, and errs now and then. An assistant that moves the cursor so as to learn
where the user wants to go saves most steps. Source: Liu et al. 2017, "BIGnav".

``interaction demo pointing``
"""

from interaction.display import print_table
from interaction.examples.pointing import COLUMNS, figure_of, play_all, rows_of, wrong_models

played = play_all(episodes=200)
print_table("200 games, 95 % intervals", COLUMNS, rows_of(played))
wrong = wrong_models(episodes=200, progress=False)
figure_of(played, wrong)

# %%
# .. dropdown:: The example itself, ``examples/pointing.py``
#
#    .. literalinclude:: /../examples/pointing.py
#       :language: python
