"""The site: `python -m sphinx -W docs docs/_build/html` builds it, without a network.

Pages that begin with `file_format: mystnb` are run from top to bottom as the site is built, each by a kernel
of its own, and show what they printed. What raises, or writes a warning, fails the build. So these pages are
run here, and by no test. The README and pages without that beginning are run by pytest
(`tests/test_pages.py`), and so are the examples of docstrings (`tests/test_docstrings.py`).
"""

import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent

# Site and pages are of this tree, whichever one is installed.
sys.path[:0] = [str(ROOT), str(HERE / "_ext")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ["IPYTHONDIR"] = str(HERE / "_ipython")  # how figures are drawn
os.environ["MPLCONFIGDIR"] = str(HERE / "_build" / "matplotlib")  # no setting of whoever builds it

from interaction import __version__  # noqa: E402

project = "interaction"
author = "the interaction developers"
copyright = author  # noqa: A001
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "reference",
    "gallery",
]
exclude_patterns = ["_build", "_ipython", "_ext", "gallery/scripts"]

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3

# A page is run again where its code has changed, or any of ours.
PARTS = ("interaction", "tasks", "users", "assistants", "examples")
CODE = sorted(file for part in PARTS for file in (ROOT / part).rglob("*.py"))
CACHE = HERE / "_build" / "cache" / hashlib.sha256(b"".join(map(Path.read_bytes, CODE))).hexdigest()[:16]
nb_execution_mode = "cache"
nb_execution_cache_path = str(CACHE)
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_output_stderr = "error"  # a warning or a line of the log in a page is told by the build
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"

sphinx_gallery_conf = {
    "examples_dirs": "gallery/scripts",
    "gallery_dirs": "gallery/examples",
    "backreferences_dir": "gallery/examples/backreferences",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "run_stale_examples": not CACHE.is_dir(),
    "capture_repr": (),
    "image_srcset": ["2x"],
    "notebook_extensions": set(),
    "download_all_examples": False,
    "write_computation_times": False,
    "show_signature": False,
}

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_sidebars = {page: [] for page in ("index", "questions", "gallery/index")}  # alone in their parts
html_title = "interaction"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "interaction"},
    "navbar_align": "left",
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}
