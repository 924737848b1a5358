"""
Teaching
========

Two teachers show twenty items to the same learners. The one who repeats what is about to be forgotten also
learns more about each learner's forgetting; about the effect of repetition a hundred learners do not tell.
Source of the learner: Nioche et al. 2021.

``interaction demo teaching``
"""

from interaction.examples.teaching import figure_of, what_lessons_tell

figure_of(what_lessons_tell(learners=100, progress=False))

# %%
# .. dropdown:: The example itself, ``examples/teaching.py``
#
#    .. literalinclude:: /../examples/teaching.py
#       :language: python
