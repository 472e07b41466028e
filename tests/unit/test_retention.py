"""Which families are deleted together."""

from flowkernel.engine.retention import chunks


def test_families_are_deleted_whole_and_few_at_a_time():
    families = [("a", 4), ("b", 6), ("c", 1), ("d", 25), ("e", 3)]

    assert list(chunks(families, size=10)) == [["a", "b"], ["c"], ["d"], ["e"]]
