"""What the panel shows of many runs at once, made from their rows."""

import asyncio
from datetime import timedelta

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import EventKind
from flowkernel.server_extension.summaries import Summaries
from flowkernel.store import SqlLimits
from tests.run_family import NOON
from tests.run_family import family as family
from tests.run_family import record as record

K = EventKind
PERSON_SECONDS = 100


class StoreRequests:
    """Answers queries from a store, as the engine does."""

    def __init__(self, store):
        self._store = store

    async def sql(self, query, *, seconds):
        result = self._store.query(query, SqlLimits(seconds, 99_999))
        return {"columns": result.columns, "rows": result.rows}


@pytest.fixture
def summaries(record):
    return Summaries(StoreRequests(record), now=lambda: NOON + timedelta(hours=1))


def wait_in_a_cell(family, flow_name):
    """A run whose one cell calls something that asks a person; its id, still under way."""
    root = family.add(flow_name=flow_name)
    cell = {"cell_run_id": new_id(), "cell_id": "c", "cell_index": 1, "cell_number": 1}
    family.record(
        root, K.CELL_STARTED, **cell, first_line="ask()", source_hash=new_id()
    )
    message_id = new_id()
    family.record(
        root, K.MESSAGE_SENT, message_id=message_id, subject="?", message_type="INFO",
        body={"properties": {}},
    )  # fmt: skip
    family.record(root, K.WAITING, on="...", message_id=message_id)
    family.moment += timedelta(seconds=PERSON_SECONDS)
    family.record(root, K.MESSAGE_ANSWERED, message_id=message_id, response={})
    family.record(root, K.RESUMED)
    family.record(root, K.CELL_ENDED, cell_run_id=cell["cell_run_id"], status="SUCCESS")
    return root


def test_a_cell_is_not_slow_because_it_waited_for_a_person(family, summaries):
    wait_in_a_cell(family, "asks")

    charts = asyncio.run(summaries.charts(7))

    [cell] = [row for row in charts["slowest_cells"] if row["flow_name"] == "asks"]
    assert 0 < cell["median_sec"] < PERSON_SECONDS


def test_durations_of_runs_are_their_seconds_of_work(family, summaries):
    """Of a run that has not ended there is none."""
    under_way = wait_in_a_cell(family, "works")
    ended = wait_in_a_cell(family, "works")
    family.record(ended, K.ENDED, status="ENDED_SUCCESS")
    seconds = family.store.get_execution(ended).work_seconds

    flows = asyncio.run(summaries.flows())
    charts = asyncio.run(summaries.charts(7))

    [runs] = [flow["runs"] for flow in flows if flow["flow_name"] == "works"]
    durations = {run["execution_id"]: run["duration_sec"] for run in runs}
    assert durations == {under_way: None, ended: pytest.approx(seconds, abs=0.002)}
    [day] = [day for day in charts["days"] if day["flow_name"] == "works"]
    assert day["median_sec"] == pytest.approx(seconds, abs=0.002)


@pytest.mark.parametrize(
    "since", ["", "2026-01-01T00:00:00", "' OR 1=1", "0001-01-01T00:00:00+14:00"]
)
def test_a_moment_without_a_zone_or_that_utc_does_not_have_is_refused(since):
    with pytest.raises(BadArgument, match=r"^`since` is .*; it should be a moment"):
        asyncio.run(Summaries(None).home(since))


class CountedRequests:
    """Answers each query with how many there were; the answers wait for `go_on`."""

    def __init__(self):
        self.count = 0
        self.go_on = asyncio.Event()

    async def sql(self, query, *, seconds):
        self.count += 1
        row = [self.count]
        await self.go_on.wait()
        return {"columns": ["n"], "rows": [row]}


def numbers_of(replies):
    return [reply["failed"][0]["n"] for reply in replies]


def test_a_summary_has_what_changed_before_it_was_asked_for():
    """Also if one is being made, or was made a moment ago; who knows no more shares it."""

    async def scene():
        seq = 1
        requests = CountedRequests()
        summaries = Summaries(requests, lambda: seq, now=lambda: NOON)

        async def ask():
            return await summaries.home(NOON.isoformat())

        early = [asyncio.create_task(ask()) for _ in range(2)]
        await asyncio.sleep(0)
        seq = 2
        late = [asyncio.create_task(ask()) for _ in range(3)]
        await asyncio.sleep(0)
        assert requests.count == 1
        requests.go_on.set()
        replies = [await task for task in (*early, *late)]
        again = await ask()
        seq = 3
        return numbers_of([*replies, again, await ask()])

    assert asyncio.run(scene()) == [1, 1, 2, 2, 2, 2, 3]


def test_a_summary_that_failed_is_asked_for_again():
    class FailingRequests:
        count = 0

        async def sql(self, query, *, seconds):
            self.count += 1
            raise BadArgument("no")

    async def scene():
        requests = FailingRequests()
        summaries = Summaries(requests, now=lambda: NOON)
        for _ in range(2):
            with pytest.raises(BadArgument):
                await summaries.flows()
        return requests.count

    assert asyncio.run(scene()) == 2
