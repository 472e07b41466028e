"""The examples in docstrings: those at a prompt run, the others are Python."""

import ast
import doctest
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import flowkernel
from flowkernel import flow_api
from flowkernel.flow_api.execution import Using, WrappedFlow

ROOT = Path(__file__).parents[2]
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "flowkernel").rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)
BLOCK = re.compile(r"Example::\n\n((?: {4,}.*\n|\n)+)")


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_at_a_prompt_run(name):
    result = doctest.testmod(import_module(name))

    assert (result.failed, result.attempted > 0) == (0, True)


def docstrings() -> Iterator[tuple[str, str]]:
    """Of the public names, and of their methods and properties."""
    objects = {
        name: getattr(package, name)
        for package in (flowkernel, flow_api)
        for name in package.__all__
        if name != "__version__"
    }
    classes = {
        cls for cls in (*objects.values(), Using, WrappedFlow) if inspect.isclass(cls)
    }
    for name, value in objects.items():
        yield name, inspect.getdoc(value) or ""
    for cls in classes:
        for base in cls.__mro__:
            if base.__module__.startswith("flowkernel.flow_api"):
                for name in vars(base):
                    if not name.startswith("_"):
                        member = inspect.getattr_static(cls, name)
                        yield f"{cls.__name__}.{name}", inspect.getdoc(member) or ""


DOCSTRINGS = dict(sorted(docstrings()))


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_a_public_name_has_a_docstring_whose_examples_are_python(name):
    text = DOCSTRINGS[name]

    assert text.partition("\n")[0].endswith((".", "`"))
    for block in BLOCK.findall(text + "\n"):
        ast.parse(textwrap.dedent(block))
