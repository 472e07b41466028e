"""A difference of two texts, and its bound."""

import random
from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core import text_diff
from flowkernel.core.text_diff import DIFF_LINES, diff_lines
from flowkernel.engine.prompts.decisions import difference

LINES = st.lists(st.sampled_from("abcde"), max_size=12)


def patched(text, lines):
    """What `patch` makes of a text."""
    old, new, place = text.splitlines(), [], 0
    for line in lines[2:]:
        if line.startswith("@@"):
            start, _, count = line.split()[1][1:].partition(",")
            begin = int(start) - (count != "0")
            new += old[place:begin]
            place = begin
            continue
        if line[0] in " +":
            new.append(line[1:])
        if line[0] in " -":
            assert old[place] == line[1:]
            place += 1
    return [*new, *old[place:]]


@given(LINES, LINES)
def test_it_is_a_diff_of_the_texts_also_if_these_are_long(a, b):
    head, tail = ["x"] * 5, ["y", "z"] * 4
    old, new = ("\n".join([*head, *lines, *tail]) for lines in (a, b))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_diff, "DIFF_LINES", 20)
        lines = diff_lines(old, new)

    assert patched(old, lines) == new.splitlines()


def test_short_texts_are_compared_as_diff_does():
    a, b = "x\ny\nz", "x\nz\nq"
    diff = unified_diff(a.splitlines(), b.splitlines(), "A", "B", lineterm="")

    assert diff_lines(a, b) == [*diff]


def shuffled(seed):
    """Many lines, of which each comes often: the worst that there is to compare."""
    source = random.Random(seed)
    return "\n".join(str(source.randrange(300)) for _ in range(40 * DIFF_LINES))


def test_huge_texts_are_compared_in_part_and_that_is_said():
    lines = diff_lines(shuffled(1), shuffled(2))

    assert len(lines) < 3 * DIFF_LINES
    assert lines[-1] == (
        "\\ Cut: from the first change on, 2,000 of 80,000 lines were compared."
    )


def test_a_small_change_of_a_huge_text_is_whole_and_has_its_place():
    huge = [f"line {number}" for number in range(40 * DIFF_LINES)]
    changed = [*huge[:50_000], "new", *huge[50_000:]]

    lines = diff_lines("\n".join(huge), "\n".join(changed))

    assert lines[2] == "@@ -49998,6 +49998,7 @@"
    assert [line for line in lines[2:] if line[0] in "+-"] == ["+new"]


def test_the_difference_of_an_edited_cell_is_bounded_too():
    assert "\\ Cut: " in difference(shuffled(1), shuffled(2))
