"""
Recovery
========

Can the parameters of bandit users be known from their choices, and which user made the choices? Source: Wilson & Collins
2019, figures 4 and 5, here with 200 trials a user in place of 1,000.

``interaction demo recovery``
"""

from interaction.examples.recovery import PUBLISHED, figure_of, which_effects, which_model, which_parameters

parameters = which_parameters(n_users=200, rounds=200, progress=False)
models = {least: which_model(least, n_users=20, rounds=200, progress=False) for least in PUBLISHED}
effects = which_effects(progress=False)
figure_of(parameters, models, effects)

# %%
# .. dropdown:: The example itself, ``examples/recovery.py``
#
#    .. literalinclude:: /../examples/recovery.py
#       :language: python
