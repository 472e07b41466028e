"""An execution and everything under it: kept current by events, drawn as lines. Pure.

A flow's kernel imports this, so it stands on the standard library alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flowkernel.core import clock
from flowkernel.core.models import Event, EventKind, Execution, Json
from flowkernel.core.progress import Progress, fold_progress
from flowkernel.core.projection import CELL_KINDS, fold
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import duration_text, one_line

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
LOUD_SHOWN = 200  #: Siblings that failed or are under way and are shown, inclusive.
INDENT_LEVELS = 20  #: Levels that indent, inclusive; deeper ones say their depth.


class Tree:
    """The family under one execution, as far as it was told."""

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
        self.cursor = cursor  #: The last event that is in it.

    @classmethod
    def from_told(cls, told: dict[str, Json], execution_id: str) -> "Tree":
        """From the answer of `GET execution/{id}/tree`."""
        return cls(
            execution_id,
            [Execution.from_json(record) for record in told["executions"]],
            progress={k: Progress.from_json(v) for k, v in told["progress"].items()},
            cursor=told["cursor"],
        )

    def to_told(self) -> dict[str, Json]:
        """The reverse of `from_told`."""
        return {
            "executions": [item.to_json() for item in self.executions.values()],
            "progress": {k: item.to_json() for k, item in self.progress.items()},
            "cursor": self.cursor,
        }

    @property
    def execution(self) -> Execution:
        """The one at the top."""
        return self.executions[self.execution_id]

    @property
    def is_over(self) -> bool:
        """Whether the one at the top has ended."""
        return self.execution.status.is_ended

    def apply(self, event: Event) -> bool:
        """Take in what happened; whether a status changed. What is known is passed over.

        Raises:
            MoveNotAllowed: It does not follow from what is known: something was missed.
        """
        if 0 < event.seq <= self.cursor:
            return False
        before = self.executions.get(event.execution_id)
        has_changed = self._take(before, event)
        self.cursor = max(self.cursor, event.seq)
        return has_changed

    def _take(self, before: Execution | None, event: Event) -> bool:
        if before is None and not self._is_ours(event):
            return False
        execution_id = event.execution_id
        if event.kind in CELL_KINDS or event.kind is EventKind.LOGGED:
            if before is not None and not before.status.is_ended:
                known = self.progress.get(execution_id, Progress())
                self.progress[execution_id] = fold_progress(known, event)
            return False
        after = fold(before, event)
        self.executions[execution_id] = after
        if after.status.is_ended:
            self.progress.pop(execution_id, None)
        elif event.kind is EventKind.STARTED:
            self.progress[execution_id] = Progress()
        return before is None or before.status is not after.status

    def _is_ours(self, event: Event) -> bool:
        return (
            event.kind is EventKind.CREATED
            and event.payload.get("parent_id") in self.executions
        )

    def lines(self, *, now: datetime | None = None) -> list["TreeLine"]:
        """What to show, top first."""
        return list(_lines(self, now or clock.now()))

    def text(self, *, now: datetime | None = None) -> str:
        """The lines as text, without a line end at the end."""
        return "\n".join(line.text for line in self.lines(now=now))


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLine:
    """One line of a tree: an execution, or how many were folded away."""

    depth: int  #: Below the top, which is 0.
    branch: str  #: The drawing in front of it.
    mark: str
    title: str  #: The name; of a fold: what was folded away.
    execution_id: str | None = None  #: None: a fold.
    status: ExecutionStatus | None = None
    word: str = ""
    duration: str = ""
    progress: str = ""  #: "cell 3 of 7"
    cells_ended: int | None = None  #: With `cell_count`, of one under way.
    cell_count: int | None = None
    detail: str = ""  #: Its error, what it waits for, or the last line it logged.

    @property
    def text(self) -> str:
        """The line as text."""
        said = [self.title, self.word, self.duration, self.progress, self.detail]
        return f"{self.branch}{self.mark} " + "  ".join(part for part in said if part)


def tree_text(
    told: dict[str, Json], execution_id: str, *, now: datetime | None = None
) -> str:
    """The answer of `GET execution/{id}/tree` as text."""
    return Tree.from_told(told, execution_id).text(now=now)


def _lines(tree: Tree, now: datetime) -> Iterator[TreeLine]:
    children: defaultdict[str | None, list[Execution]] = defaultdict(list)
    for execution in tree.executions.values():
        if execution.execution_id != tree.execution_id:
            children[execution.parent_id].append(execution)
    loud = _loud(tree)
    #: What is still to be drawn, the next one last: a line, or an execution to unfold.
    todo: list[TreeLine | tuple[Execution, tuple[bool, ...]]] = [(tree.execution, ())]
    while todo:
        item = todo.pop()
        if isinstance(item, TreeLine):
            yield item
            continue
        execution, lasts = item
        yield _line(tree, execution, lasts, now)
        shown, folded = _fold_away(children[execution.execution_id], loud)
        if folded:
            todo.append(_folded(folded, (*lasts, True)))
        for place, child in reversed(list(enumerate(shown))):
            is_last = place == len(shown) - 1 and not folded
            todo.append((child, (*lasts, is_last)))


def _loud(tree: Tree) -> set[str]:
    """Those that must be seen: failed or under way, or with such a one under them."""
    loud: set[str] = set()
    for execution in reversed(
        tree.executions.values()
    ):  # Children before their parents.
        if execution.status not in QUIET:
            loud.add(execution.execution_id)
        if execution.execution_id in loud and execution.parent_id is not None:
            loud.add(execution.parent_id)
    return loud


def _fold_away(
    siblings: list[Execution], loud: set[str]
) -> tuple[list[Execution], list[Execution]]:
    """Which siblings are shown, and which are only counted."""
    loud_ones = [item.execution_id for item in siblings if item.execution_id in loud]
    quiet = [item.execution_id for item in siblings if item.execution_id not in loud]
    kept = quiet if len(quiet) <= FOLD_OVER else quiet[:FOLD_TO]
    shown = {*loud_ones[:LOUD_SHOWN], *kept}
    return (
        [item for item in siblings if item.execution_id in shown],
        [item for item in siblings if item.execution_id not in shown],
    )


def _folded(folded: list[Execution], lasts: tuple[bool, ...]) -> TreeLine:
    counts = Counter(item.status for item in folded)
    each = ", ".join(
        f"{counts[status]} {status.label}" for status in S if counts[status]
    )
    return TreeLine(
        depth=len(lasts),
        branch=_branch(lasts),
        mark="…",
        title=f"{len(folded)} more: {each}",
    )


def _line(
    tree: Tree, execution: Execution, lasts: tuple[bool, ...], now: datetime
) -> TreeLine:
    progress = tree.progress.get(execution.execution_id) or Progress()
    is_live = execution.status in (S.RUNNING, S.WAITING, S.PAUSED)
    return TreeLine(
        depth=len(lasts),
        branch=_branch(lasts),
        mark=MARKS[execution.status],
        title=title_of(execution),
        execution_id=execution.execution_id,
        status=execution.status,
        word=execution.status.label,
        duration=_duration(execution, now),
        progress=_progress(execution, progress) if is_live else "",
        cells_ended=progress.cells_ended if is_live and execution.cell_count else None,
        cell_count=execution.cell_count if is_live else None,
        detail=_detail(execution, progress),
    )


def title_of(execution: Execution) -> str:
    """Its name, and its flow's in brackets if that is another."""
    name, flow = one_line(execution.name), one_line(execution.flow_name)
    says_it = name == flow or name.endswith(f"({flow})")  # As a wrapper's does.
    return name if says_it else f"{name} ({flow})"


def _duration(execution: Execution, now: datetime) -> str:
    if execution.started_at is None:
        return ""
    end = execution.ended_at or now
    return duration_text((end - execution.started_at).total_seconds())


def _progress(execution: Execution, progress: Progress) -> str:
    count = execution.cell_count
    if not count:
        return ""
    if progress.cell_index is None:
        return f"{min(progress.cells_ended, count)} of {count} cells"
    return f"cell {min(progress.cells_ended + 1, count)} of {count}"


def _detail(execution: Execution, progress: Progress) -> str:
    match execution.status:
        case S.ENDED_SUCCESS | S.ENDED_CANCELLED | S.PAUSED | S.PENDING | S.QUEUED:
            return one_line(execution.status_message or "")
        case S.ENDED_ERROR:
            return one_line(execution.status_message or _error(execution))
        case S.WAITING if execution.status_message:
            return one_line(execution.status_message)
        case _:
            return f"“{one_line(progress.last_log)}”" if progress.last_log else ""


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
