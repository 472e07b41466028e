"""A source as a tree: whatever other threads do meanwhile."""

import ast
import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkernel.core.python_source import parse_source

SOURCE = "value = " + "[" * 40 + "1" + "]" * 40 + "\n" + "f(a, b)[c].d\n" * 200


@pytest.fixture
def _others_come_in_between():
    """Each time that Python collects garbage, which it does while it makes a tree."""

    def let_others(_phase, _info):
        time.sleep(0)

    before = gc.get_threshold()
    gc.callbacks.append(let_others)
    gc.set_threshold(5)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(let_others)


@pytest.mark.usefixtures("_others_come_in_between")
def test_threads_do_not_count_into_each_other():
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parse_source, [SOURCE] * 16))

    assert all(len(tree.body) == 201 for tree in trees)
    assert all(isinstance(tree, ast.Module) for tree in trees)
