"""The house as a stranger finds it: one name for one thing, nouns, small functions.

What it cannot see, the words of people's sentences, `test_glossary.py` looks after.
"""

import ast
import statistics
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flowkernel"
#: Names that say how a value came, or nothing. A name says what the value is: `reply`.
NO_NOUNS = frozenset(
    """
    told asked found said given made known kept left sent done gone wanted born heard
    written held needed shown drawn chosen pressed taken seen begun meant spoken thrown
    lost got put let went came called joined typed checked used
    one what which who whose where when why how here there it that those these
    ours theirs mine yours others another rest more most whole such some each
    before after again since until at on about within meanwhile otherwise elsewhere
    """.split()  # noqa: SIM905 (a list of 90 words reads better as text)
)
#: Names that may stand in two places, and why.
TWO_PLACES = {
    "Execution": "the record in `core`, and what a flow holds of it in `flow_api`",
    "Message": "the record in `core`, and what a flow holds of it in `flow_api`",
}
#: Not ours to name: sources that only flows import, and the module that hands `flow_api` on.
APART = ("_toplevel", "wrappers")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    return sorted(
        path
        for path in PACKAGE.rglob("*.py")
        if not set(APART) & set(path.relative_to(PACKAGE).parts)
    )


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """All nodes of the syntax trees of all modules, each with the path of its module."""
    return [
        (str(path.relative_to(ROOT)), node)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    ]


def functions() -> Iterator[tuple[str, Function]]:
    for path, node in nodes():
        if isinstance(node, Function):
            yield f"{path}:{node.lineno} {node.name}", node


def size(function: Function) -> int:
    """Lines, from `def` to the last one, the docstring included."""
    return (function.end_lineno or 0) - function.lineno + 1


def local_names(function: Function) -> set[str]:
    every = (
        *function.args.posonlyargs,
        *function.args.args,
        *function.args.kwonlyargs,
        *filter(None, (function.args.vararg, function.args.kwarg)),
    )
    stored = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {argument.arg for argument in every}


def places(names: Iterator[tuple[str, str]]) -> dict[str, set[str]]:
    """The names that stand in more than one place."""
    found = defaultdict(set)
    for name, place in names:
        found[name].add(place)
    return {name: where for name, where in found.items() if len(where) > 1}


def test_a_module_name_stands_in_one_place():
    names = (
        (path.stem, str(path.relative_to(ROOT)))
        for path in modules()
        if not path.stem.startswith("__")
    )

    assert places(names) == {}


def test_a_class_name_stands_in_one_place():
    names = (
        (node.name, path) for path, node in nodes() if isinstance(node, ast.ClassDef)
    )

    assert places(names).keys() == TWO_PLACES.keys()


def test_locals_and_parameters_are_nouns():
    every = list(functions())
    wrong = {
        place: sorted(bad)
        for place, function in every
        if (bad := local_names(function) & NO_NOUNS)
    }

    assert len(wrong) < len(every) * 0.02, wrong


def test_functions_are_small():
    sizes = {place: size(function) for place, function in functions()}
    ordered = sorted(sizes.values())

    assert {place: lines for place, lines in sizes.items() if lines > 40} == {}
    assert statistics.median(ordered) <= 7
    assert ordered[int(len(ordered) * 0.95)] <= 22


def test_modules_are_small():
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in modules()}

    assert {path: count for path, count in lines.items() if count > 400} == {}


def test_the_root_has_few_modules():
    assert len(list(PACKAGE.glob("*.py"))) <= 8


@pytest.fixture(scope="module")
def containers() -> set[str]:
    """The packages whose modules each have a place in a contract about imports."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return {
        container
        for contract in contracts
        if contract["type"] == "layers" and contract.get("exhaustive")
        for container in contract.get("containers", [])
    }


def test_no_package_is_outside_the_contracts(containers):
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in modules()
        if path.stem != "__init__"
    }

    assert packages == containers
