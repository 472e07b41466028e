"""The styles of the HTML in notebooks, as they stand on its elements. Pure.

A style sheet within the HTML would be text in Markdown that is made of a notebook, and on
GitHub. JupyterLab's colours come first, in its light and its dark theme; the second one of each
can be read on white and on black.
"""

import re

MONO = "font-family:var(--jp-code-font-family,monospace)"
TEXT = (
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);"
    "font-size:var(--jp-ui-font-size1,13px);color:var(--jp-content-font-color1,inherit)"
)
QUIET = "color:var(--jp-content-font-color2,inherit)"
SHADE = "background:var(--jp-layout-color2,#8882)"
CODE = f"{MONO};color:inherit;{SHADE};padding:0 .25em;overflow-wrap:anywhere"
LINK = (
    "color:var(--jp-content-link-color,inherit);text-decoration:underline;"
    "overflow-wrap:anywhere"
)
#: The end of a line before one that is blank.
_BLANK_FOLLOWS = re.compile(r"\n(?=[ \t]*\n)")


def without_blank_lines(html: str) -> str:
    r"""The same HTML as one block of Markdown, which a blank line would end.

    >>> without_blank_lines("<pre>a\n\nb</pre>")
    '<pre>a&#10;\nb</pre>'
    """
    return _BLANK_FOLLOWS.sub("&#10;", html)
