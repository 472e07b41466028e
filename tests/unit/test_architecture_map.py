"""The map of ARCHITECTURE.md is the tree as it is."""

from tests import architecture_map


def test_the_map_has_each_module_with_what_it_does():
    """Mend it with `python -m tests.architecture_map`."""
    assert architecture_map.current() == architecture_map.block()


def test_every_module_says_what_it_is():
    for path in architecture_map.PACKAGE.rglob("*.py"):
        assert architecture_map.summary(path), path
