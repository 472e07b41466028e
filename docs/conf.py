"""How the docs become a site: `tests/all docs`, or `python -m sphinx docs build/docs`."""

import re
import shutil
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

from flowkernel.version import __version__

project = "flowkernel"
author = "The flowkernel developers"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["deflist"]
#: Links to headings, by the names that they get on GitHub.
myst_heading_anchors = 3
myst_links_external_new_tab = True
suppress_warnings = ["myst.header"]  # A page may begin with a picture.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
#: `a name` in a docstring is code.
default_role = "code"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme = "pydata_sphinx_theme"
html_title = f"flowkernel {__version__}"
html_copy_source = False
html_theme_options = {
    "show_prev_next": False,
    "navbar_align": "left",
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
}

log = getLogger(__name__)
ROOT = Path(__file__).parent.parent
#: Pages of the site whose text lies in the root of the repository.
PAGES = {
    "architecture": "ARCHITECTURE",
    "contributing": "CONTRIBUTING",
    "changes": "CHANGELOG",
}


#: What people import. Each of its names stands on a page, or the build fails.
PUBLIC = ("flowkernel", "flowkernel.flow_api")
#: A picture for each theme, as GitHub shows it; the site's reader chooses the theme.
PICTURE = re.compile(
    r'<picture>\s*<source [^>]*srcset="([^"]+)">\s*'
    r'<img alt="([^"]*)" src="([^"]+)">\s*</picture>'
)
BY_THEME = (
    r'<img class="only-light" alt="\2" src="\3">'
    r'<img class="only-dark" alt="\2" src="\1">'
)


def setup(app: Sphinx) -> None:
    """Take the pictures along: pages name them in HTML, for the dark theme's sake."""
    app.connect("source-read", read_page)
    app.connect("env-check-consistency", check_public_names)
    app.connect("build-finished", copy_pictures)


def read_page(_app: Sphinx, name: str, source: list[str]) -> None:
    """Take the text from the root for pages that lie there; show pictures by theme."""
    if name in PAGES:
        text = (ROOT / f"{PAGES[name]}.md").read_text("utf-8").replace("](docs/", "](")
        for page, file in PAGES.items():
            text = text.replace(f"]({file}.md", f"]({page}.md")
        source[0] = text
    source[0] = PICTURE.sub(BY_THEME, source[0])


def check_public_names(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each public name without a page or a docstring: that ends the build."""
    documented = {
        name.rpartition(".")[2] for name, *_ in env.get_domain("py").get_objects()
    }
    for module in map(import_module, PUBLIC):
        for name in set(module.__all__) - {"__version__", "return_when"}:
            value = getattr(module, name)
            if not value.__doc__ or value.__name__ not in documented:
                log.warning("%s.%s is public and not documented", module, name)


def copy_pictures(app: Sphinx, error: Exception | None) -> None:
    """Put the pictures where the pages expect them."""
    if error is None and app.builder.format == "html":
        pictures = ROOT / "docs" / "pictures"
        shutil.copytree(pictures, app.outdir / "pictures", dirs_exist_ok=True)
