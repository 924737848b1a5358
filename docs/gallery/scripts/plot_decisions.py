"""
Decisions
=========

What choices and response times tell about how somebody decides: drift diffusion is fitted to 600 decisions, and laid over
them as a quantile-probability plot (Ratcliff & McKoon 2008).

``interaction demo decisions``
"""

from interaction.examples.decisions import figure_of, fitted

runs, tree = fitted(decisions=600, progress=False)
figure_of(runs, tree)

# %%
# .. dropdown:: The example itself, ``examples/decisions.py``
#
#    .. literalinclude:: /../examples/decisions.py
#       :language: python
