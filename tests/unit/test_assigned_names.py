"""Which names a cell sets."""

import pytest

from flowkernel.engine.prompts.assigned_names import (
    all_names_set_by,
    names_set_by,
    values_set_by,
)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = 1", ["a"]),
        ("a = b = 1", ["a", "b"]),
        ("a, (b, *c) = 1, (2, 3)\na = 2", ["a", "b", "c"]),
        ("[a, b] = 1, 2", ["a", "b"]),
        ("a: int = 1\nb += 1", ["a", "b"]),
        ("a: int", []),
        ("  a = 1\n  b = 2", ["a", "b"]),
        ("for n in x:\n    inner = n\nelse:\n    rest = 1", ["n", "inner", "rest"]),
        ("while x:\n    a = 1", ["a"]),
        ("async for n in x:\n    a = await n", ["n", "a"]),
        (
            "with open(x) as file, y as (a, b):\n    text = 1",
            ["file", "a", "b", "text"],
        ),
        ("async with x as file:\n    a = 1", ["file", "a"]),
        ("if x:\n    a = 1\nelif y:\n    b = 1\nelse:\n    c = 1", ["a", "b", "c"]),
        (
            "try:\n    a = 1\nexcept E as e:\n    b = 1\nelse:\n    c = 1\nfinally:\n    d = 1",
            ["a", "b", "c", "d"],
        ),
        ("try:\n    a = 1\nexcept* E:\n    b = 1", ["a", "b"]),
        (
            "import os, json as j, os.path\nfrom x import a, b as c",
            ["os", "j", "a", "c"],
        ),
        ("from x import *", []),
        ("def f(a, b=(n := 1)):\n    inner = 1\n    global g", ["f", "n"]),
        ("async def f():\n    inner = 1", ["f"]),
        ("@(d := x)\nclass C(B, m=(k := 1)):\n    inner = 1", ["C", "d", "k"]),
        ("f = lambda a=(n := 1): (m := a)", ["f", "n"]),
        ("if (n := x) and (m := y):\n    pass", ["n", "m"]),
        ("print(last := 1)", ["last"]),
        ("[i for i in x if (last := i)]", ["last"]),
        ("{i: j for i, j in x}\n{i for i in x}\nsum(i for i in x)", []),
        ("match x:\n    case {'a': a, **rest}: b = 1", ["a", "rest", "b"]),
        (
            "match x:\n    case [a, *more] | C(a, b=more) as all: pass",
            ["all", "a", "more"],
        ),
        ("for _ in x:\n    a, _ = _", ["a"]),
        ("print(1)", []),
        ("%time a = 1", []),
        ("a = (", []),
        ("a = '\0'", []),
        ("(" * 5_000 + ")" * 5_000, []),
        ("-" * 100_000 + "1", []),
        ("table['column'] = 1", []),
        ("thing.part = other", []),
        ("del a", []),
        ("", []),
    ],
)
def test_the_names_that_a_cell_sets(source, names):
    assert names_set_by(source) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("total = load(day)\nday = 1", ["total", "day"]),
        ("files = !ls\ntotal = len(files)", ["files", "total"]),
        ("!pip list\ntotal = 1", ["total"]),
        ("load()", None),
        ("total = 1\nfrom numpy import *", None),
        ("total = 1\nexec(more)", None),
        ("globals()['x'] = total = 1", None),
        ("def load():\n    global df\n    df = 1\nload()", None),
        ("total = 1\n%run other.py", None),
        ("total = (", None),
        ("%%bash\nx=1", None),
        ("", None),
    ],
)
def test_all_names_are_known_where_the_source_shows_them(source, names):
    assert all_names_set_by(source) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("%matplotlib inline\ntotal = 3", ["total"]),
        ("files = !ls\ntotal = len(files)", ["files", "total"]),
        ("if True:\n    !ls\n    a, b = 1, 2", ["a", "b"]),
        ("x = %timeit -o f()", ["x"]),
        ("!rm -f 'a\ntotal = 1", ["total"]),
        ("%%bash\nls", []),
        (
            f"{' ' * 500_000}x\n%ls\ntotal = 1",
            [],
        ),  # Looked at once, not blank by blank.
        (f"%ls\n{'a, ' * 100_000}b", []),
        ("a == !b", []),
    ],
)
def test_lines_for_ipython_do_not_hide_the_others(source, names):
    assert names_set_by(source) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import time\nfrom x import f\ntotal = 1", ["total"]),
        ("def f(): pass\nclass C: pass\nasync def g(): pass", []),
        ("import json\njson = 1", ["json"]),
        ("x = 1\nimport x", ["x"]),
    ],
)
def test_modules_functions_and_classes_are_no_values(source, names):
    assert values_set_by(source) == names
