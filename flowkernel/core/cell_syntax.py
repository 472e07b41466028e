"""What is wrong with the syntax of a source, as a sentence for who wrote it. Pure."""

import ast
import textwrap
import warnings

from flowkernel.core.source_names import without_magics

CELL_MAGIC = "%%"  #: Begins a cell that IPython hands to a magic as it is.


def cell_problem(source: str) -> str:
    """Why the source of a cell is not valid, where magics may stand in it; empty: it is.

    >>> cell_problem("%time x = 1"), cell_problem("x = (1").partition(":")[0]
    ('', 'The cell is not valid Python in line 1')
    """
    if source.lstrip().startswith(CELL_MAGIC):
        return ""
    texts = map(textwrap.dedent, (source, without_magics(source)))
    problems = [syntax_problem(text) for text in texts]
    return problems[-1] if all(problems) else ""


def syntax_problem(source: str, *, offset: int = 0) -> str:
    """Why a source is not valid Python, with the line and a mark; empty: it is.

    Args:
        offset: Lines of the cell above `source`.
    """
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # As IPython does.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # They are shown when it runs.
            compile(source, "<flow>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return _sentence(error, offset)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return f"The cell is not valid Python: {error}."
    return ""


def _sentence(error: SyntaxError, offset: int) -> str:
    line = (error.lineno or 1) + offset
    sentence = f"The cell is not valid Python in line {line}: {error.msg}."
    if not error.text or not error.text.strip():
        return sentence
    text = error.text.rstrip("\n")
    start = max(0, min((error.offset or 1) - 1, len(text)))
    has_end = error.end_lineno == error.lineno and error.end_offset is not None
    end = (
        min(error.end_offset - 1, len(text)) if has_end and error.end_offset else start
    )
    bare_text = text.lstrip()
    indent = len(text) - len(bare_text)
    marks = " " * max(0, start - indent) + "^" * max(1, end - start)
    return sentence + "\n" + textwrap.indent(f"{bare_text}\n{marks}", "    ")
