"""
Sweep
=====

A grid of cells, assistants by error rates and grid sizes, played by several processes into a folder; when it
is run again, it goes on where it stopped.

``interaction demo sweep``
"""

import tempfile

from interaction.examples.sweep import all_assistants, figure_of

with tempfile.TemporaryDirectory() as folder:
    results = all_assistants(episodes=100).run(folder, progress=False)
    figure_of(results)

# %%
# .. dropdown:: The example itself, ``examples/sweep.py``
#
#    .. literalinclude:: /../examples/sweep.py
#       :language: python
