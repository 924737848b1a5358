"""
Coordination
============

Two have to pick the same number, again and again. An assistant with a model of its user coordinates at once where the
model is right, and never where it is wrong; two others find the user's hidden parameter, one by games that it plays in
its head, one from what the user did. Source: CoopIHC's guide, "Assistants that simulate users".

``interaction demo coordination``
"""

from interaction.examples.coordination import figure_of, one_user

played = one_user(seed=0)
figure_of(played)

# %%
# .. dropdown:: The example itself, ``examples/coordination.py``
#
#    .. literalinclude:: /../examples/coordination.py
#       :language: python
