"""The names that a cell sets: they can be given values if the cell is skipped. Pure."""

import ast
import re
from textwrap import dedent

from flowkernel.core.python_source import parse_source

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLANKS = " \t"
#: How what is for IPython begins: a magic, or a command.
IPYTHON = ("%", "!")
#: What can set names of any kind.
DYNAMIC = frozenset({"exec", "globals", "locals", "vars", "setattr", "get_ipython"})
_NAMES = re.compile(r"[\w, \t]+")


def names_set_by(source: str) -> list[str]:
    """The names that a cell sets in its notebook, in order; none, if it cannot be parsed.

    Also those set within `with`, `for`, `if`, `try` and `match`, and those of imports,
    functions and classes; not the names inside of functions and classes, and not `_`.
    """
    return list(_parsed(source)[1])


def values_set_by(source: str) -> list[str]:
    """Those of them that can be given values: no modules, functions and classes."""
    return [name for name, is_value in _parsed(source)[1].items() if is_value]


def all_names_set_by(source: str) -> list[str] | None:
    """The same, if its source shows all of them; None: it may set others.

    A cell that sets nothing itself lives by what it calls, and that may set anything.
    """
    tree, names = _parsed(source)
    if not names or any(map(_may_set_others, ast.walk(tree))):
        return None
    has_magics = any(line.lstrip(BLANKS).startswith("%") for line in source.split("\n"))
    return None if has_magics else list(names)


def _parsed(source: str) -> tuple[ast.AST, dict[str, bool]]:
    """A cell as a tree, and the names that it sets, with whether each is a value.

    An empty tree, if it cannot be parsed.
    """
    for make_text in (str, without_magics):
        try:
            finder, tree = _Finder(), parse_source(dedent(make_text(source)))
            finder.visit(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # There are magics in it, or it is nested too deep.
        finder.names.pop("_", None)
        return tree, finder.names
    return ast.Module([], []), {}


def _may_set_others(node: ast.AST) -> bool:
    """Whether a part of a source can set names that it does not show."""
    match node:
        case ast.Global():
            return True
        case ast.Name(id=name):
            return name in DYNAMIC
        case ast.alias(name=name):
            return name == "*"
        case _:
            return False


def without_magics(source: str) -> str:
    """The source with Python in place of lines for IPython: `x = !ls` sets `x`.

    A cell for another language (`%%bash`) stays as it is: it is no Python.
    """
    if source.lstrip().startswith("%%"):
        return source
    return "\n".join(map(_as_python, source.split("\n")))


def _as_python(line: str) -> str:
    """A line; if it is a magic or a command, whose result may be given names: Python."""
    code = line.lstrip(BLANKS)
    indent = line[: len(line) - len(code)]
    if code.startswith(IPYTHON):
        return f"{indent}None"
    names, sign, value = code.partition("=")
    is_magic = sign and value.lstrip(BLANKS).startswith(IPYTHON)
    return f"{indent}{names}=None" if is_magic and _NAMES.fullmatch(names) else line


class _Finder(ast.NodeVisitor):
    """Visits what runs in the scope of the cell itself."""

    def __init__(self) -> None:
        #: In order, with whether each is a value: no module, function or class.
        self.names: dict[str, bool] = {}

    def _add(self, name: str | None, *, is_value: bool = True) -> None:
        if name is not None:
            self.names[name] = is_value or self.names.get(name, False)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._add(node.id)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:  # Else it only states the type.
            self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> None:
        name = node.asname or node.name.partition(".")[0]
        self._add(None if name == "*" else name, is_value=False)

    def visit_FunctionDef(self, node: Function) -> None:
        self._add(node.name, is_value=False)
        for part in (*node.decorator_list, node.args):
            self.visit(part)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._add(node.name, is_value=False)
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for part in (node.iter, *node.ifs):  # Its target is its own.
            self.visit(part)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._add(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._add(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        self._add(node.rest)
