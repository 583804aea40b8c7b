"""Settings of the site; `make site` builds it with tools/build_site.py."""

from importlib.util import find_spec
import os
from pathlib import Path
import sys
from typing import NewType

import numpy.typing

HERE = Path(__file__).parent
# This checkout's aelib and tools, whatever else is installed; and the hooks beside this file.
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "tools")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # importing aelib starts TensorFlow

from stamp_colab import BRANCH, published  # noqa: E402, it lies on the path just added

project = "Autoencoders, checked"
language = "en"
extensions = [
    "hooks",
    "myst_nb",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]

# Pages -------------------------------------------------------------------------------------------

exclude_patterns = ["run"]  # executed notebooks, to download
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # the default fetches two scripts from a CDN
myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "dollarmath"]
myst_heading_anchors = 3  # what the glossary and the teacher's guide link to
# A code cell of a notebook: [text](cell:02_mnist_autoencoder#37), on a page at the top level.
myst_url_schemes = {
    "http": None,
    "https": None,
    "mailto": None,
    "cell": "notebooks/{{path}}.html#cell-{{fragment}}",
}

# The API -----------------------------------------------------------------------------------------

# How autosummary lays out a module; it would look for a relative path beside the pages.
templates_path = [str(HERE / "_templates")]
autosummary_ignore_module_all = False  # a package's page shows what it exports, whatever its files
numpy.typing.ArrayLike = NewType("ArrayLike", object)  # else its ten members are listed
add_module_names = False
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_custom_sections = ["Returns", "Call"]
default_role = "py:obj"
python_use_unqualified_type_names = True

# Formulas ----------------------------------------------------------------------------------------

# One file that needs no other: the package's fonts and add-ons, 20 MB more, stay at home.
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax/tex-svg.js"
mathjax_path = MATHJAX.name
mathjax3_config = {"options": {"enableMenu": False}}  # its menu loads what was left at home

# Looks -------------------------------------------------------------------------------------------

html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "_static/favicon.svg"
html_logo = "_static/favicon.svg"
html_static_path = ["_static", str(MATHJAX)]
html_css_files = ["site.css"]
html_show_search_summary = False  # it fetches pages, which a browser refuses for file://
html_show_sphinx = False
html_context = {"default_mode": "auto"}  # unset, the theme logs an error
html_theme_options = {
    "logo": {"text": project},
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the sidebar has a field for searching
    "use_fullscreen_button": False,
    "footer_content_items": ["extra-footer"],
    "extra_footer": "Code and text under the MIT licence.",
}

# Where a reader can run a page, once `make colab` has been told where the course lives.
if repository := published((HERE.parent / "pyproject.toml").read_text(encoding="utf-8")):
    html_theme_options |= {
        "repository_url": f"https://github.com/{repository}",
        "repository_branch": BRANCH,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    }
