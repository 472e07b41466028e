"""Sources are parsed correctly while other threads do the same."""

import ast
import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkernel.core.python_source import parse_source

SOURCE = "value = " + "[" * 40 + "1" + "]" * 40 + "\n" + "f(a, b)[c].d\n" * 200


@pytest.fixture
def _threads_interleave():
    """Change threads at each garbage collection; Python does many while it parses."""

    def change_thread(_phase, _info):
        time.sleep(0)

    threshold = gc.get_threshold()
    gc.callbacks.append(change_thread)
    gc.set_threshold(5)
    yield
    gc.set_threshold(*threshold)
    gc.callbacks.remove(change_thread)


@pytest.mark.usefixtures("_threads_interleave")
def test_threads_do_not_count_the_depth_of_each_other():
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parse_source, [SOURCE] * 16))

    assert all(len(tree.body) == 201 for tree in trees)
    assert all(isinstance(tree, ast.Module) for tree in trees)
