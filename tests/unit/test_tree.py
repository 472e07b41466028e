"""The tree as values, text and HTML."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import CellError, Event, EventKind, Execution
from flowkernel.core.progress import Progress
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import duration_text, for_encoding, one_line, plain_text
from flowkernel.display.live_terminal import STYLES
from flowkernel.display.tree import (
    FOLD_OVER,
    MARKS,
    QUIET,
    Tree,
    title_of,
    tree_text,
)
from flowkernel.widgets.tree_html import COLOURS, tree_html
from tests import records

S = ExecutionStatus
K = EventKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def an_execution(execution_id: str = "root", **fields: Any) -> Execution:
    values: dict[str, Any] = {"root_id": "root", "started_at": NOON, **fields}
    if S(values.get("status", S.RUNNING)).is_ended:
        values.setdefault("ended_at", NOON + timedelta(seconds=3))
    return records.an_execution(execution_id, **values)


def a_child(number: int, **fields: Any) -> Execution:
    return an_execution(f"child{number}", parent_id="root", depth=1, **fields)


def a_tree(*executions: Execution, **progress: Progress) -> Tree:
    return Tree(executions[0].execution_id, executions, progress=progress)


def an_event(
    kind: EventKind, execution_id: str = "root", /, *, seq: int = 0, **payload: Any
) -> Event:
    return Event(
        event_id=f"e{seq}",
        execution_id=execution_id,
        kind=kind,
        happened_at=NOON,
        payload=payload,
        root_id="root",
        seq=seq,
    )


# -- lines ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", S)
def test_every_status_has_a_mark_a_label_and_a_colour(status):
    tree = a_tree(an_execution(status=status))

    text = tree.text(now=NOON)

    assert text.startswith(f"{MARKS[status]} report  {status.label}")
    assert status in COLOURS
    assert status in STYLES or status in QUIET
    assert MARKS[status] in tree_html(tree)


def test_marks_and_labels_are_distinct():
    assert len(set(MARKS.values())) == len({status.label for status in S}) == len(S)


def test_children_are_drawn_under_their_parent():
    tree = a_tree(
        an_execution(status=S.WAITING, status_message="Waiting for 'fetch'."),
        a_child(1, flow_name="fetch", status=S.ENDED_SUCCESS),
        an_execution("g", parent_id="child1", flow_name="page", status=S.ENDED_SUCCESS),
        a_child(2, flow_name="clean", name="second"),
    )

    assert tree.text(now=NOON + timedelta(seconds=75)).splitlines() == [
        "◔ report  waiting  1 min 15 s  Waiting for 'fetch'.",
        "├─ ✔ fetch  succeeded  3.0 s",
        "│  └─ ✔ page  succeeded  3.0 s",
        "└─ ▶ second (clean)  running  1 min 15 s",
    ]


def test_a_running_one_shows_its_cell_and_its_last_log_line():
    progress = Progress(
        cells_ended=2,
        cell_index=4,
        cell_number=3,
        first_line="df = load(day)",
        last_log="reading rows",
    )
    tree = a_tree(an_execution(cell_count=7), root=progress)

    assert tree.text(now=NOON) == (
        "▶ report  running  0.0 s  cell 3 of 7 (df = load(day))  “reading rows”"
    )


def test_the_cell_with_the_inputs_is_no_cell_of_the_author():
    tree = a_tree(an_execution(cell_count=2))
    cell = {"cell_run_id": "r", "cell_id": "c", "source_hash": "h", "cell_index": 0}

    def after(kind, seq, number=None):
        tree.apply(an_event(kind, seq=seq, cell_number=number, **cell))
        return tree.text(now=NOON).partition("0.0 s  ")[2]

    assert after(K.CELL_STARTED, 1) == "0 of 2 cells"
    assert after(K.CELL_ENDED, 2) == "0 of 2 cells"
    assert after(K.CELL_STARTED, 3, 1) == "cell 1 of 2"
    assert after(K.CELL_ENDED, 4) == "1 of 2 cells"
    assert after(K.CELL_STARTED, 5, 2) == "cell 2 of 2"
    assert after(K.CELL_ENDED, 6) == "2 of 2 cells"


def test_a_failed_one_shows_its_error_in_one_line():
    tree = a_tree(
        an_execution(status=S.ENDED_ERROR, status_message="ValueError: a\n  b")
    )

    assert tree.text() == "✖ report  failed  3.0 s  ValueError: a b"


def test_a_failed_one_without_a_message_shows_what_was_raised():
    error = CellError(name="KeyError", message="'x'")
    tree = a_tree(an_execution(status=S.ENDED_ERROR, error=error))

    assert tree.text().endswith("KeyError: 'x'")


@pytest.mark.parametrize("gap", [" " * 10, "\n" * 5_000])
def test_a_reason_that_is_cut_ends_with_an_ellipsis(gap):
    text = f"ValueError: first{gap}and much more"

    assert one_line(text, 20).endswith("…")
    assert one_line(f"ValueError: {gap}", 20) == "ValueError:"
    assert one_line(text, None) == "ValueError: first and much more"


def test_a_reason_that_is_too_wide_for_the_page_ends_with_an_ellipsis_and_can_be_read():
    reason = "ValueError: no <sales> of monday"
    html = tree_html(a_tree(an_execution(status=S.ENDED_ERROR, status_message=reason)))

    [line] = ElementTree.fromstring(html).findall(".//li/div")

    assert "text-overflow:ellipsis" in line.get("style", "")
    assert [span.get("title") for span in line.iter("span")][-1] == reason


def test_a_long_error_is_shortened():
    tree = a_tree(an_execution(status=S.ENDED_ERROR, status_message="x" * 10_000))

    assert len(tree.text()) < 150
    assert tree.text().endswith("x…")


def test_a_whole_tree_folds_and_shortens_nothing():
    children = [a_child(n, status=S.ENDED_SUCCESS) for n in range(300)]
    failed = [
        a_child(n, status=S.ENDED_ERROR, status_message="x" * 500)
        for n in range(300, 600)
    ]
    tree = a_tree(an_execution(name="n" * 200), *children, *failed)

    text = tree.text(now=NOON, is_whole=True)

    assert len(text.splitlines()) == 601
    assert "…" not in text
    assert text.count("x" * 500) == 300
    assert "more:" in tree.text(now=NOON)


def test_two_hundred_children_stay_readable():
    """What failed or runs is always shown; the rest is counted."""
    children = [a_child(n, status=S.ENDED_SUCCESS) for n in range(200)]
    children[50] = a_child(50, flow_name="bad", status=S.ENDED_ERROR)
    children[199] = a_child(199, flow_name="slow", status=S.RUNNING)
    children[120:140] = [a_child(n, status=S.QUEUED) for n in range(120, 140)]

    lines = a_tree(an_execution(), *children).text(now=NOON).splitlines()

    assert len(lines) < 25
    assert any("✖ bad" in line for line in lines)
    assert any("▶ slow" in line for line in lines)
    assert lines[-1] == "└─ … 188 more: 20 queued, 168 succeeded"


def test_an_execution_that_caught_a_failure_is_shown():
    children = [a_child(n, status=S.ENDED_SUCCESS) for n in range(100)]
    grandchild = an_execution(
        "g", parent_id="child90", flow_name="bad", status=S.ENDED_ERROR
    )

    text = a_tree(an_execution(), *children, grandchild).text(now=NOON)

    assert "✖ bad" in text


@pytest.mark.parametrize(("count", "lines"), [(FOLD_OVER, 21), (FOLD_OVER + 1, 12)])
def test_small_families_are_shown_whole(count, lines):
    children = [a_child(n, status=S.ENDED_SUCCESS) for n in range(count)]

    assert len(a_tree(an_execution(), *children).lines(now=NOON)) == lines


@pytest.mark.parametrize("depth", [50, 2000])
def test_deep_trees_are_drawn(depth):
    chain = [an_execution("0")]
    chain += [an_execution(str(n), parent_id=str(n - 1)) for n in range(1, depth + 1)]

    lines = Tree("0", chain).lines(now=NOON)

    assert lines[-1].depth == depth
    assert len(lines[-1].text) < 110
    assert str(depth) in lines[-1].text
    assert tree_html(Tree("0", chain)).count("<li") == depth + 1


def test_only_the_requested_execution_and_its_children_are_drawn():
    tree = Tree("child1", [an_execution(), a_child(1), a_child(2)])

    assert len(tree.lines(now=NOON)) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (12_000, "3 h 20 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_are_for_people(seconds, text):
    assert duration_text(seconds) == text


# -- unsafe text ---------------------------------------------------------------------------

NASTY = "\x1b[31mred\x1b[0m \x1b]0;title\x07a\tb\r\nc\x00\u202eevil"


def test_text_cannot_control_a_terminal():
    assert one_line(NASTY) == "red a b cevil"
    assert plain_text(NASTY) == "red a\tb\ncevil"


def test_text_cannot_become_html():
    evil = "<script>alert(1)</script>\"'&"
    tree = a_tree(
        an_execution("root", name=evil, flow_name=evil, cell_count=2),
        a_child(
            1,
            name=evil,
            status=S.ENDED_ERROR,
            status_message=evil,
            skipped_cells=1,
            decided_by=evil,
        ),
        root=Progress(cell_number=1, first_line=evil, last_log=evil),
    )

    html = tree_html(tree)

    assert "<script" not in html
    names = {element.tag for element in ElementTree.fromstring(html).iter()}
    assert names <= {"div", "ul", "li", "i", "b", "span", "progress"}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "latin-1", "ascii", "cp437", None, "odd"]
)
def test_every_terminal_can_show_a_tree(encoding):
    text = "└─ ✖ Zoë  failed  …"

    line = for_encoding(text, encoding)

    assert line.encode(encoding if encoding not in (None, "odd") else "ascii")
    assert "failed" in line
    assert (line == text) is (encoding == "utf-8")


def test_ascii_has_a_sign_for_every_mark():
    signs = {for_encoding(mark, "ascii") for mark in MARKS.values()}

    assert len(signs) == len(MARKS)
    assert not any("\\" in sign for sign in signs)


# -- HTML ----------------------------------------------------------------------------------


def test_html_is_a_tree_for_screen_readers():
    tree = a_tree(
        an_execution(cell_count=4, status=S.RUNNING),
        a_child(1, flow_name="fetch", status=S.ENDED_SUCCESS),
        an_execution("g", parent_id="child1", status=S.ENDED_SUCCESS),
        a_child(2, flow_name="clean", status=S.ENDED_ERROR),
        root=Progress(cells_ended=1, cell_index=2, cell_number=2),
    )

    page = ElementTree.fromstring(tree_html(tree))

    top = page.find("ul[@role='tree']")
    assert top is not None
    assert top.get("aria-label") == "Run report: running"
    levels = [item.get("aria-level") for item in page.iter("li")]
    assert levels == ["1", "2", "3", "2"]
    bars = [(bar.get("value"), bar.get("max")) for bar in page.iter("progress")]
    assert bars == [("1", "4")]
    text = "".join(top.itertext())
    assert all(
        word in text for word in ("running", "succeeded", "failed", "cell 2 of 4")
    )


# -- events --------------------------------------------------------------------------------


def test_events_keep_the_tree_current():
    tree = a_tree(an_execution(status=S.QUEUED, started_at=None))
    child = a_child(1, flow_name="fetch", status=S.QUEUED, started_at=None)
    tree.apply(an_event(K.STARTED, worker="w", seq=1))
    tree.apply(an_event(K.CELLS_COUNTED, cell_count=2, seq=2))
    cell = {"cell_run_id": "r", "cell_id": "c", "source_hash": "h"}
    tree.apply(an_event(K.CELL_STARTED, cell_index=0, seq=3, **cell))
    tree.apply(an_event(K.CREATED, "child1", seq=4, **child.to_json()))

    assert tree.text(now=NOON).splitlines() == [
        "▶ report  running  0.0 s  cell 1 of 2",
        "└─ … fetch  queued",
    ]


def test_apply_says_whether_a_status_changed():
    tree = a_tree(an_execution())

    assert not tree.apply(an_event(K.LOGGED, text="hello\n", stream="log"))
    assert not tree.apply(an_event(K.OUTPUT_SET, output={}, seq=1))
    assert tree.apply(an_event(K.WAITING, on="x", seq=2))


def test_an_event_is_applied_once():
    tree = a_tree(an_execution())
    ended = an_event(K.ENDED, status="ENDED_SUCCESS", seq=5)

    assert tree.apply(ended)
    assert not tree.apply(ended)
    assert tree.is_over


def test_events_of_other_families_are_ignored():
    tree = a_tree(an_execution())
    stranger = an_execution("other", root_id="other")

    tree.apply(an_event(K.CREATED, "other", seq=1, **stranger.to_json()))
    tree.apply(an_event(K.STARTED, "nobody", worker="w", seq=2))

    assert list(tree.executions) == ["root"]


def test_what_was_adopted_is_drawn_under_who_has_it():
    """In the tree of who started it alone, it stays there."""
    first = an_execution("first", parent_id="root", status=S.ENDED_ERROR)
    again = an_execution("again", parent_id="root")
    child = an_execution("child", parent_id="first", name="child", adopted_by="again")

    lines = a_tree(an_execution(), first, child, again).lines()
    alone = a_tree(an_execution("first"), child)
    alone.execution_id = "first"

    assert [line.execution_id for line in lines] == ["root", "first", "again", "child"]
    assert [line.execution_id for line in alone.lines()] == ["first", "child"]


def test_an_adopted_one_of_another_family_has_to_be_read():
    tree = a_tree(an_execution())

    with pytest.raises(MoveNotAllowed):
        tree.apply(an_event(K.ADOPTED, "stranger", parent_id="root", seq=1))

    tree.apply(an_event(K.ADOPTED, "stranger", parent_id="other", seq=1))
    assert list(tree.executions) == ["root"]


def test_an_event_after_a_missed_one_is_an_error():
    tree = a_tree(an_execution(status=S.PENDING))

    with pytest.raises(MoveNotAllowed):
        tree.apply(an_event(K.ENDED, status="ENDED_SUCCESS", seq=1))


def test_progress_ends_with_the_execution():
    tree = a_tree(an_execution())
    tree.apply(an_event(K.LOGGED, text="hello", stream="log"))
    tree.apply(an_event(K.ENDED, status="ENDED_SUCCESS", seq=1))
    tree.apply(an_event(K.LOGGED, text="late", stream="log"))

    assert tree.progress == {}


def test_a_tree_can_be_sent_as_json():
    tree = a_tree(
        an_execution(), a_child(1), root=Progress(cells_ended=1, last_log="x")
    )
    tree = replace_cursor(tree, 7)

    reply = tree.to_reply()

    assert Tree.from_reply(reply, "root").to_reply() == reply
    assert tree_text(reply, "root", now=NOON) == tree.text(now=NOON)


def replace_cursor(tree: Tree, cursor: int) -> Tree:
    return Tree(
        tree.execution_id,
        [replace(item) for item in tree.executions.values()],
        progress=tree.progress,
        cursor=cursor,
    )


def test_a_flow_kernel_imports_only_the_standard_library_for_it():
    """Every flow's kernel imports it, in the environment of the flow's author."""
    code = (
        "import sys; before = set(sys.modules); import flowkernel.display.tree;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )

    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )

    assert process.stdout.strip() == "['flowkernel']", process.stderr


@pytest.mark.parametrize(
    ("name", "flow_name", "title"),
    [
        ("report", "report", "report"),
        ("of monday", "report", "of monday (report)"),
        ("report (retry)", "retry", "report (retry)"),
    ],
)
def test_a_title_has_the_flow_once(name, flow_name, title):
    assert title_of(an_execution(name=name, flow_name=flow_name)) == title
