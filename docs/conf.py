"""Sphinx builds this folder offline, with warnings as errors: ``python -m tox -e docs``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Waterspout"
copyright = "the Waterspout authors, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "public_packages", "state_diagrams"]
exclude_patterns = ["_build"]
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme = "furo"
html_title = "Waterspout"
html_show_sphinx = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "native"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Pages that are included from the root and from examples/ link to each other as files: their labels are those paths.
# ref.python: a short name in an annotation that two packages have (Phase).
suppress_warnings = ["myst.header", "ref.python"]

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "groupwise"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

# `name` in a docstring is a link where the name is one of ours, and code where it is not.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", r".*"),
    ("py:.*", r"(?!waterspout\.).*"),  # the standard library's: no inventories are fetched
    ("py:.*", r"waterspout\.(\w+\.)+_\w.*"),  # what has no name of its own for users
    ("py:class", r"waterspout\.(auth\.ProviderMixin|auth\.signin\.FromElsewhere|httpclient\.StreamContext)"),
]
