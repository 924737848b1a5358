"""
Population
==========

From a table of what people did to the assistant that serves others like them best: a population is fitted, new people are
drawn from it, and they play with assistants made for the users of each device.

``interaction demo population``
"""

import io

import pandas as pd

from interaction.examples.population import figure_of, fit_people, people_csv, served

tree = fit_people(pd.read_csv(io.StringIO(people_csv())), progress=False)
figure_of(tree, served(tree))

# %%
# .. dropdown:: The example itself, ``examples/population.py``
#
#    .. literalinclude:: /../examples/population.py
#       :language: python
