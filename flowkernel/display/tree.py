"""An execution and everything under it: kept current by events, drawn as lines. Pure.

A flow's kernel imports this, so it needs the standard library alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flowkernel.core import clock
from flowkernel.core.cell_numbers import cell_text
from flowkernel.core.models import Event, EventKind, Execution, Json
from flowkernel.core.progress import Progress, fold_progress
from flowkernel.core.projection import CELL_KINDS, fold
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import DETAIL, one_line
from flowkernel.display.failure_cause import failed_child
from flowkernel.display.outcome_text import status_text, took_text, waiting_since

S = ExecutionStatus
#: Stands beside the word for the status, so that neither colour nor shape is needed.
MARKS: Mapping[S, str] = {
    S.PENDING: "◌",
    S.QUEUED: "…",
    S.RUNNING: "▶",
    S.WAITING: "◔",
    S.PAUSED: "‖",
    S.ENDED_SUCCESS: "✔",
    S.ENDED_ERROR: "✖",
    S.ENDED_CANCELLED: "⊘",
}
QUIET = frozenset({S.PENDING, S.QUEUED, S.ENDED_SUCCESS, S.ENDED_CANCELLED})
FOLD_OVER = 20  #: Quiet siblings that are still all shown, inclusive.
FOLD_TO = 10  #: How many of them are shown when they are more.
LOUD_SHOWN = 200  #: Siblings that failed or have not ended and are shown, inclusive.
#: Of a run that succeeded in an earlier try of its parent, and is not repeated.
KEPT = "kept from the run before"
INDENT_LEVELS = 20  #: Levels that indent, inclusive; deeper lines have their depth.


class Tree:
    """An execution and everything under it, as far as events are known."""

    def __init__(
        self,
        execution_id: str,
        executions: Iterable[Execution],
        *,
        progress: Mapping[str, Progress] | None = None,
        cursor: int = 0,
    ) -> None:
        self.execution_id = execution_id
        self.executions = {item.execution_id: item for item in executions}
        self.progress = dict(progress or {})
        self.cursor = cursor  #: The last event that is applied.

    @classmethod
    def from_reply(cls, reply: dict[str, Json], execution_id: str) -> "Tree":
        """The tree in the reply of `GET execution/{id}/tree`."""
        return cls(
            execution_id,
            [Execution.from_json(record) for record in reply["executions"]],
            progress={k: Progress.from_json(v) for k, v in reply["progress"].items()},
            cursor=reply["cursor"],
        )

    def to_reply(self) -> dict[str, Json]:
        """The reverse of `from_reply`."""
        return {
            "executions": [item.to_json() for item in self.executions.values()],
            "progress": {k: item.to_json() for k, item in self.progress.items()},
            "cursor": self.cursor,
        }

    @property
    def execution(self) -> Execution:
        """The execution at the top."""
        return self.executions[self.execution_id]

    @property
    def is_over(self) -> bool:
        """Whether the execution at the top has ended."""
        return self.execution.status.is_ended

    def apply(self, event: Event) -> bool:
        """Apply an event; return whether a status changed.

        An event that is applied already, or that belongs to another family, changes nothing.

        Raises:
            MoveNotAllowed: An event before it was missed.
        """
        if 0 < event.seq <= self.cursor:
            return False
        has_changed = self._fold(event)
        self.cursor = max(self.cursor, event.seq)
        return has_changed

    def _fold(self, event: Event) -> bool:
        execution_id = event.execution_id
        previous = self.executions.get(execution_id)
        if previous is None and not self._is_ours(event):
            return False
        if event.kind in CELL_KINDS or event.kind is EventKind.LOGGED:
            if previous is not None and not previous.status.is_ended:
                progress = self.progress.get(execution_id, Progress())
                self.progress[execution_id] = fold_progress(progress, event)
            return False
        execution = fold(previous, event)
        self.executions[execution_id] = execution
        if execution.status.is_ended:
            self.progress.pop(execution_id, None)
        elif event.kind is EventKind.STARTED:
            self.progress[execution_id] = Progress()
        return previous is None or previous.status is not execution.status

    def _is_ours(self, event: Event) -> bool:
        """Whether it brings an execution: one that was started, or one that was adopted.

        Of the latter the events before were not for us: `fold` says that they are missing.
        """
        brings_one = event.kind in (EventKind.CREATED, EventKind.ADOPTED)
        return brings_one and event.payload.get("parent_id") in self.executions

    def parent_of(self, execution: Execution) -> str | None:
        """Under whom it stands here: who has it now, or else who started it."""
        is_here = execution.adopted_by in self.executions
        return execution.adopted_by if is_here else execution.parent_id

    def causes(self, execution: Execution) -> list[Execution]:
        """The execution, the child that made it fail, the child of that, down to the cause."""
        children = _children(self)
        chain = [execution]
        while child := failed_child(chain[-1], children[chain[-1].execution_id]):
            chain.append(child)
        return chain

    def lines(
        self, *, now: datetime | None = None, is_whole: bool = False
    ) -> list["TreeLine"]:
        """The lines to show, the top first.

        Args:
            now: For durations.
            is_whole: Each execution has a line, and each text is whole; else many siblings
                are counted, and long texts are cut.
        """
        return list(_lines(self, now or clock.now(), is_whole=is_whole))

    def text(self, *, now: datetime | None = None, is_whole: bool = False) -> str:
        """The lines as text, without a newline at the end."""
        return "\n".join(line.text for line in self.lines(now=now, is_whole=is_whole))


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLine:
    """One line of a tree: an execution, or the number of executions that are not shown."""

    depth: int  #: Levels below the top, which is 0.
    branch: str  #: The lines of the drawing before the mark.
    mark: str
    title: str  #: The name; or how many executions are not shown.
    execution_id: str | None = None  #: None: a line for those that are not shown.
    status: ExecutionStatus | None = None
    label: str = ""  #: Of the status, and what people did.
    duration: str = ""  #: Of the work, and of waiting for people.
    progress: str = ""  #: "cell 3 of 7 (df = load(day))"
    cells_ended: int | None = None  #: While it runs, if `cell_count` is known.
    cell_count: int | None = None
    detail: str = ""  #: Its error, what it waits for, or the last line it logged.

    @property
    def text(self) -> str:
        """The line as text."""
        parts = [self.title, self.label, self.duration, self.progress, self.detail]
        return f"{self.branch}{self.mark} " + "  ".join(filter(None, parts))


def tree_text(
    reply: dict[str, Json], execution_id: str, *, now: datetime | None = None
) -> str:
    """The reply of `GET execution/{id}/tree` as text."""
    return Tree.from_reply(reply, execution_id).text(now=now)


def _lines(tree: Tree, now: datetime, *, is_whole: bool) -> Iterator[TreeLine]:
    children = _children(tree)
    loud = set(tree.executions) if is_whole else _loud(tree)
    shown_loud, detail = (None, None) if is_whole else (LOUD_SHOWN, DETAIL)
    waits = _waits(tree)
    # Still to be drawn, the next item last: a line, or an execution with its children.
    todo: list[TreeLine | tuple[Execution, tuple[bool, ...]]] = [(tree.execution, ())]
    while todo:
        item = todo.pop()
        if isinstance(item, TreeLine):
            yield item
            continue
        execution, lasts = item
        wait_start = waits.get(execution.execution_id)
        siblings = children[execution.execution_id]
        line = _line(tree, execution, lasts, now, wait_start, detail)
        cause = failed_child(execution, siblings)
        yield replace(line, detail=f"because of {_name(cause)}") if cause else line
        visible, hidden = _select_visible(siblings, loud, shown_loud)
        if hidden:
            todo.append(_hidden_line(hidden, (*lasts, True)))
        for place, child in reversed(list(enumerate(visible))):
            is_last = place == len(visible) - 1 and not hidden
            todo.append((child, (*lasts, is_last)))


def _children(tree: Tree) -> defaultdict[str | None, list[Execution]]:
    """The children that stand under each execution, by its id."""
    children: defaultdict[str | None, list[Execution]] = defaultdict(list)
    for execution in tree.executions.values():
        if execution.execution_id != tree.execution_id:
            children[tree.parent_of(execution)].append(execution)
    return children


def _name(execution: Execution) -> str:
    return repr(one_line(execution.name))


def _loud(tree: Tree) -> set[str]:
    """The ids of executions that failed or have not ended, and of their ancestors."""
    loud: set[str] = set()
    for execution in reversed(tree.executions.values()):  # Children before parents.
        if execution.status not in QUIET:
            loud.add(execution.execution_id)
        parent_id = tree.parent_of(execution)
        if execution.execution_id in loud and parent_id is not None:
            loud.add(parent_id)
    return loud


def _waits(tree: Tree) -> dict[str, datetime]:
    """By id: since when executions, or some under them, wait for a person just now."""
    waits: dict[str, datetime] = {}
    for execution in reversed(tree.executions.values()):  # Children before parents.
        execution_id = execution.execution_id
        start = waiting_since(execution) or waits.get(execution_id)
        if start is None or execution.status.is_ended:
            continue
        waits[execution_id] = start
        parent_id = tree.parent_of(execution)
        # An engine of an older version does not say it of those above.
        if parent_id is not None and execution.waiting_since is None:
            waits[parent_id] = min(start, waits.get(parent_id, start))
    return waits


def _select_visible(
    siblings: list[Execution], loud: set[str], shown_loud: int | None
) -> tuple[list[Execution], list[Execution]]:
    """Which siblings get a line, and which are only counted."""
    loud_ids = [item.execution_id for item in siblings if item.execution_id in loud]
    quiet_ids = [
        item.execution_id for item in siblings if item.execution_id not in loud
    ]
    if len(quiet_ids) > FOLD_OVER:
        quiet_ids = quiet_ids[:FOLD_TO]
    visible_ids = {*loud_ids[:shown_loud], *quiet_ids}
    return (
        [item for item in siblings if item.execution_id in visible_ids],
        [item for item in siblings if item.execution_id not in visible_ids],
    )


def _hidden_line(hidden: list[Execution], lasts: tuple[bool, ...]) -> TreeLine:
    counts = Counter(item.status for item in hidden)
    summary = ", ".join(
        f"{counts[status]} {status.label}" for status in S if counts[status]
    )
    return TreeLine(
        depth=len(lasts),
        branch=_branch(lasts),
        mark="…",
        title=f"{len(hidden)} more: {summary}",
    )


def _line(
    tree: Tree,
    execution: Execution,
    lasts: tuple[bool, ...],
    now: datetime,
    wait_start: datetime | None,
    widest: int | None,
) -> TreeLine:
    progress = tree.progress.get(execution.execution_id) or Progress()
    is_live = execution.status in (S.RUNNING, S.WAITING, S.PAUSED)
    return TreeLine(
        depth=len(lasts),
        branch=_branch(lasts),
        mark=MARKS[execution.status],
        title=title_of(execution, widest),
        execution_id=execution.execution_id,
        status=execution.status,
        label=_label(tree, execution),
        duration=took_text(execution, now, wait_start),
        progress=_progress(execution, progress) if is_live else "",
        cells_ended=progress.cells_ended if is_live and execution.cell_count else None,
        cell_count=execution.cell_count if is_live else None,
        detail=_detail(execution, progress, widest),
    )


def title_of(execution: Execution, widest: int | None = DETAIL) -> str:
    """Its name, and its flow's in brackets if that is another one.

    `widest`: characters of each, inclusive; None: all.
    """
    name, flow = (one_line(x, widest) for x in (execution.name, execution.flow_name))
    has_flow = name == flow or name.endswith(f"({flow})")  # As a wrapper's name has.
    return name if has_flow else f"{name} ({flow})"


def _progress(execution: Execution, progress: Progress) -> str:
    count = execution.cell_count
    if not count:
        return ""
    if progress.cell_number is None:  # None runs, or the one with the inputs.
        return f"{min(progress.cells_ended, count)} of {count} cells"
    cell = cell_text(progress.cell_number, count, progress.first_line or "")
    return f"{cell[0].lower()}{cell[1:]}"


def _label(tree: Tree, execution: Execution) -> str:
    """Its status; of one that a retry took over from the run before, also that."""
    is_kept = execution.adopted_by in tree.executions
    return status_text(execution) + (f", {KEPT}" if is_kept else "")


def _detail(execution: Execution, progress: Progress, widest: int | None) -> str:
    match execution.status:
        case S.ENDED_SUCCESS | S.ENDED_CANCELLED | S.PAUSED | S.PENDING | S.QUEUED:
            return one_line(execution.status_message or "", widest)
        case S.ENDED_ERROR:
            return one_line(execution.status_message or _error(execution), widest)
        case S.WAITING if execution.status_message:
            return one_line(execution.status_message, widest)
        case _:
            log = progress.last_log
            return f"“{one_line(log, widest)}”" if log else ""


def _error(execution: Execution) -> str:
    error = execution.error
    return f"{error.name}: {error.message}" if error else ""


def _branch(lasts: tuple[bool, ...]) -> str:
    if not lasts:
        return ""
    above, depth = lasts[:-1][-INDENT_LEVELS + 1 :], len(lasts)
    deep = f"{depth:>2} " if depth > INDENT_LEVELS else ""
    stems = "".join("   " if is_last else "│  " for is_last in above)
    return deep + stems + ("└─ " if lasts[-1] else "├─ ")
