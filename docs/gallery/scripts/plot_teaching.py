"""
Teaching
========

Two teachers show twenty items to the same learners. The one who repeats what is about to be forgotten also learns more
about each learner's memory. Source of the learner: Nioche et al. 2021.

``interaction demo teaching``
"""

from interaction.examples.teaching import PRIORS, what_lessons_tell
from interaction.plots import figure, title
from interaction.plots.style import COLOURS, MARKERS, words

found = what_lessons_tell(learners=100, progress=False)
_, panels = figure(height=1.7)
ax = panels["a"]
for number, (name, told) in enumerate(found.items()):
    bits = [told.bits_per_round[key] for key in PRIORS]
    errors = [1.96 * told.standard_error[key] for key in PRIORS]
    places = [place + 0.2 * number - 0.1 for place in range(len(PRIORS))]
    ax.errorbar(bits, places, xerr=errors, fmt=MARKERS[number], color=COLOURS[number], label=name)
ax.set(xlabel="bits an answer tells", yticks=range(len(PRIORS)), yticklabels=map(words, PRIORS), ylim=(-0.5, 1.5))
ax.legend(title="teacher")
title(ax, "What lessons tell of a learner", "95 % intervals, 100 learners, 40 rounds")

# %%
# .. dropdown:: The example itself, ``examples/teaching.py``
#
#    .. literalinclude:: /../examples/teaching.py
#       :language: python
