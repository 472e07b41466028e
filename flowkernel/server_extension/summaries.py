"""What the panel shows of many executions at once: named SQL queries, each kept shortly."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from flowkernel.core.errors import BadArgument
from flowkernel.core.json_record import Json
from flowkernel.core.moments import exact_moment, in_utc
from flowkernel.server_extension.engine_requests import EngineRequests

KEPT_SECONDS = 5.0  #: How long a summary is given again as it is.
MAX_KEPT = 16  #: Summaries that are kept.
SQL_SECONDS = 60.0  #: How long a query may take.
MAX_DAYS = 366  #: Days of the charts, inclusive.
RECENT = 20  #: Runs of a flow that its line shows, inclusive.
LISTED = 100  #: Runs in a list of a summary, inclusive.
SLOWEST = 20  #: Cells in the list of the slowest ones, inclusive.

Row = dict[str, Json]

# The queries. `$since` is a moment as tables have it.
FAILED = f"""
SELECT execution_id, flow_name, name, status, created_at, started_at, ended_at, started_by,
       status_message
FROM execution
WHERE parent_id IS NULL AND NOT is_archived AND status = 'ENDED_ERROR'
  AND ended_at >= TIMESTAMP '$since'
ORDER BY ended_at DESC LIMIT {LISTED}
"""
# What a person started, each once: of a wrapper, the flow that it runs. `duration_sec` is
# `Execution.work_seconds`, here in SQL: thousands of runs stay in the engine.
_ROOTS = """
    SELECT execution_id, status, created_at, started_at, ended_at,
           CASE type WHEN 'WRAPPER' THEN coalesce(wrapped->>'flow_name', flow_name)
           ELSE flow_name END AS flow_name,
           CASE WHEN epoch_ms(ended_at - started_at) IS NOT NULL
           THEN greatest(epoch_ms(ended_at - started_at) / 1000.0 - answer_seconds, 0)
           END AS duration_sec
    FROM execution WHERE parent_id IS NULL
"""
LAST_RUNS = f"""
SELECT flow_name, execution_id, status, created_at, started_at, ended_at, duration_sec
FROM (
    SELECT *, row_number() OVER (PARTITION BY flow_name ORDER BY created_at DESC) AS n
    FROM ({_ROOTS})
)
WHERE n <= {RECENT} ORDER BY flow_name, created_at
"""
DAYS = f"""
SELECT flow_name, strftime(created_at, '%Y-%m-%d') AS day, count(*) AS runs,
       count(*) FILTER (status = 'ENDED_ERROR') AS failed,
       median(duration_sec) AS median_sec,
       quantile_cont(duration_sec, 0.95) AS p95_sec
FROM ({_ROOTS})
WHERE created_at >= TIMESTAMP '$since'
GROUP BY flow_name, day ORDER BY flow_name, day
"""
# Without the time in which a cell waited for people: of each run the latest waits are known.
CELLS = f"""
WITH waits AS (
    SELECT execution_id,
           unnest(from_json(answer_waits, '[{{"start": "TIMESTAMP", "end": "TIMESTAMP"}}]'))
           AS wait
    FROM execution WHERE answer_waits IS NOT NULL
), asking AS (
    SELECT cell_run_id,
           sum(epoch_ms(least(wait.end, ended_at) - greatest(wait.start, started_at)))
           AS answer_ms
    FROM cell_run JOIN waits USING (execution_id)
    WHERE wait.start < ended_at AND wait.end > started_at
    GROUP BY cell_run_id
)
SELECT flow_name, cell_number, any_value(first_line) AS first_line, count(*) AS runs,
       median(epoch_ms(c.ended_at - c.started_at) - coalesce(answer_ms, 0)) / 1000.0
       AS median_sec
FROM cell_run c JOIN execution e USING (execution_id) LEFT JOIN asking USING (cell_run_id)
WHERE c.ended_at IS NOT NULL AND cell_number IS NOT NULL AND e.type <> 'WRAPPER'
  AND c.started_at >= TIMESTAMP '$since'
GROUP BY flow_name, cell_number ORDER BY median_sec DESC LIMIT {SLOWEST}
"""


@dataclass(frozen=True, slots=True)
class KeptSummary:
    """A summary that is being made, or was made a moment ago."""

    seq: int  #: What changed up to this number is in it.
    due: float  #: Until when it is given again, on the monotonic clock.
    task: "asyncio.Task[Json]"

    def answers(self, seq: int) -> bool:
        """Whether it is for somebody who knows of the changes up to this number."""
        if self.seq < seq:
            return False
        if not self.task.done():
            return True
        return self.task.exception() is None and monotonic() <= self.due


class Summaries:
    """Asks the engine for summaries; who asks again at once gets the same.

    What changed before it was asked for is in a summary: pages ask again because of a change.

    Args:
        requests: To the engine.
        seq: The number of the last change that pages may know of.
        now: The current moment, with its zone.
    """

    def __init__(
        self,
        requests: EngineRequests,
        seq: Callable[[], int] = lambda: 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._requests = requests
        self._seq = seq
        self._now = now
        self._kept: dict[str, KeptSummary] = {}

    async def home(self, since: str | None) -> Json:
        """The roots that failed since a moment, the newest first: `failed`.

        Args:
            since: ISO 8601, with a zone. None: the last 24 hours.

        Raises:
            BadArgument: It is no such moment.
        """
        moment = self._now() - timedelta(days=1) if since is None else _moment(since)
        text = _sql_moment(moment)
        return await self._once(f"home {text}", lambda: self._home(text))

    async def flows(self) -> Json:
        """Of each flow its last state, and its last runs, the newest last."""
        return await self._once("flows", self._flows)

    async def charts(self, days: int) -> Json:
        """Runs, failures and durations by flow and day; the slowest cells.

        Raises:
            BadArgument: These are no or too many days.
        """
        if not 1 <= days <= MAX_DAYS:
            raise BadArgument(f"`days` is {days}; it is between 1 and {MAX_DAYS}.")
        since = _sql_moment(self._now() - timedelta(days=days))
        return await self._once(f"charts {days}", lambda: self._charts(since))

    async def _once(self, key: str, make: Callable[[], Awaitable[Json]]) -> Json:
        """What `make` gives; that of a moment ago, if it was asked for then.

        Of one summary the engine is asked once at a time: those who come meanwhile, and may
        know of something newer, share the next one.
        """
        seq = self._seq()
        while (kept := self._kept.get(key)) is not None and not kept.answers(seq):
            if kept.task.done():
                break
            await asyncio.wait([kept.task])
        if kept is None or not kept.answers(seq):
            task = asyncio.ensure_future(make())
            kept = KeptSummary(self._seq(), monotonic() + KEPT_SECONDS, task)
            self._kept.pop(key, None)
            self._kept[key] = kept
        while len(self._kept) > MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return await asyncio.shield(kept.task)

    async def _home(self, since: str) -> Json:
        return {"failed": await self._rows(FAILED, since)}

    async def _flows(self) -> Json:
        summaries: dict[str, Row] = {}
        for row in await self._rows(LAST_RUNS):
            name = row.pop("flow_name")
            flow = summaries.setdefault(name, {"flow_name": name, "runs": []})
            flow["runs"].append(row)
            flow["last_status"] = row["status"]
        return list(summaries.values())

    async def _charts(self, since: str) -> Json:
        return {
            "days": await self._rows(DAYS, since),
            "slowest_cells": await self._rows(CELLS, since),
        }

    async def _rows(self, query: str, since: str = "") -> list[Row]:
        sql = query.replace("$since", since)
        result: dict[str, Any] = await self._requests.sql(sql, seconds=SQL_SECONDS)
        columns = result["columns"]
        return [_row(dict(zip(columns, row, strict=True))) for row in result["rows"]]


def _row(row: Row) -> Row:
    """A row whose moments have their zone: tables have them in UTC, without it."""
    moments = {
        name: f"{value}Z"
        for name, value in row.items()
        if name.endswith("_at") and value is not None
    }
    return {**row, **moments}


def _moment(text: str) -> datetime:
    """A moment that a page sends. Raises BadArgument."""
    try:
        return in_utc(exact_moment(text))
    except ValueError as error:
        raise BadArgument(f"`since` is {text[:100]!r}; {error}.") from error


def _sql_moment(moment: datetime) -> str:
    """As tables have it: in UTC, without a zone, to the minute, so that it can be kept."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:00")
