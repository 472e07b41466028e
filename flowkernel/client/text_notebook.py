"""Notebooks as text, such as scripts with `# %%` and Markdown: jupytext reads them."""

import json
import re
from importlib.util import find_spec

from flowkernel.core.errors import BadArgument, NotANotebook

#: Suffixes of files that are notebooks for jupytext, and nothing else for us.
SUFFIXES = frozenset({".md", ".markdown", ".Rmd", ".qmd", ".R", ".r", ".jl"})
PYTHON = "python"
ADVICE = "Install jupytext, which reads such files: python -m pip install jupytext."
#: jupytext's header of a script, which says that it is a notebook.
_HEADER = re.compile(r"# ---\n#\s+jup(yter|ytext):")
#: The start of a cell with parameters, in the formats `percent` and `light`.
_PARAMETERS = re.compile(
    r"^# (%%|\+).*\btags\s*=\s*(\[[^\]\n]*\"parameters\"|\"parameters\")", re.MULTILINE
)
#: A script with it is a flow as it is.
_HANDLER = re.compile(r"^(async\s+)?def\s+handler\s*\(", re.MULTILINE)


def is_text_notebook(text: str, suffix: str, target: str) -> bool:
    """Whether a file is a notebook as text. A script is one if it says so in its header.

    Raises:
        BadArgument: It is one, or has parameters as one, and jupytext is not installed.
    """
    has_jupytext = find_spec("jupytext") is not None
    if suffix in SUFFIXES:
        if not has_jupytext:
            raise BadArgument(f"{target!r} is a notebook as text. {ADVICE}")
        return True
    if _HANDLER.search(text) is not None:
        return False
    if _PARAMETERS.search(text) is None:
        return has_jupytext and _HEADER.match(text) is not None
    if not has_jupytext:
        raise BadArgument(
            f"{target!r} is a notebook as text: its cell with parameters would be passed "
            f"over in a script. {ADVICE}"
        )
    return True


def notebook_json(text: str, suffix: str, target: str) -> str:
    """The JSON of the notebook in a text. The same text gives the same notebook.

    Raises:
        NotANotebook: jupytext cannot read it, or no kernel is known for its language.
    """
    import jupytext

    try:
        notebook = jupytext.reads(text, fmt=suffix)
    except Exception as error:
        raise NotANotebook(target, f"jupytext cannot read it ({error})") from error
    for cell in notebook.cells:
        cell.pop("id", None)  # They are new each time.
    notebook.metadata.setdefault("kernelspec", _kernelspec(notebook.metadata, target))
    return json.dumps(notebook)


def _kernelspec(metadata: dict[str, dict[str, str]], target: str) -> dict[str, str]:
    """The kernelspec for the language of a text that names none."""
    if "kernelspec" in metadata:
        return metadata["kernelspec"]
    language = metadata.get("jupytext", {}).get("main_language", PYTHON)
    if language == PYTHON:
        return {"name": "python3", "display_name": "Python 3", "language": PYTHON}
    from jupytext.kernels import kernelspec_from_language

    try:
        kernelspec: dict[str, str] = kernelspec_from_language(language)
    except ValueError as error:
        reason = f"no kernel for its language, {language}, is installed"
        raise NotANotebook(target, reason) from error
    return kernelspec
