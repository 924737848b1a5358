"""
Theory of mind
==============

Two who think about each other meet more often the deeper they think, and work better together than two who
do not. Sources: Schelling 1960, as in Stuhlmüller & Goodman 2014; Russell 2019, chapter 8.

``interaction demo theory_of_mind``
"""

from interaction.examples.theory_of_mind import figure_of, meeting, pairs, play
from interaction.tasks.paperclips import PaperclipTask

task = PaperclipTask(cells=92)
played = [play(task, *pair) for pair in pairs(task, depth=2)]
figure_of(meeting(levels=5), task, played)

# %%
# .. dropdown:: The example itself, ``examples/theory_of_mind.py``
#
#    .. literalinclude:: /../examples/theory_of_mind.py
#       :language: python
