"""A home of an earlier version opens, shows what it had, and goes on.

`home_4503cc9.tar.xz` is a home in which the version of commit 4503cc9 ran real kernels until
the machine went down: engine, worker and kernels were killed at once. It has every status,
families, retries, wrappers, messages, two prompts with the records of their parked kernels, and
a cancel that no worker had heard of. Its wrappers and most of its flows name no interpreter: so
they run with the one of the machine that tests.
"""

import tarfile
from pathlib import Path

import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import BadAnswer, NotOpen
from flowkernel.core.models import Execution
from flowkernel.home import Home
from flowkernel.store.restore import restore
from flowkernel.store.store import Store
from tests.conftest import a_home, until
from tests.stage import engine_in_process

pytestmark = pytest.mark.kernel

ARCHIVE = Path(__file__).parents[1] / "files" / "home_4503cc9.tar.xz"
#: The roots, oldest first: what `execution list` of that version showed.
ROOTS = """\
total of the first version              ENDED_SUCCESS
total of the second version             ENDED_SUCCESS
broken                                  ENDED_ERROR
cancelled while it ran                  ENDED_CANCELLED
family, first try                       ENDED_ERROR
family, first try                       ENDED_SUCCESS
from a script                           ENDED_SUCCESS
in the environment of the project       ENDED_SUCCESS
succeeds in its second try (retry)      ENDED_SUCCESS
through a wrapper of our own (shout)    ENDED_SUCCESS
archived                                ENDED_SUCCESS
was answered                            ENDED_SUCCESS
left a note                             ENDED_SUCCESS
waits for an answer                     WAITING
asks, and will be retried (interactive) WAITING
asks, and will fail (interactive)       WAITING
tries again in an hour (retry)          WAITING
waits for a child that nobody started   WAITING
paused between its cells                PAUSED
recorded, not started                   PENDING
runs                                    RUNNING
runs, and a cancel is on its way        RUNNING
queued 1                                QUEUED
queued 2                                QUEUED
paused in the queue                     PAUSED
"""
#: The messages, oldest first.
MESSAGES = """\
Is the price right?              ANSWERED
The night run is over            NOTE
Is the price right?              OPEN
asks, and will be retried failed OPEN
asks, and will fail failed       OPEN
"""
#: How many executions there are, those under the roots included.
COUNT = 39
NO_RETRY_CELL = "Retry cell is no longer possible. Its worker was lost"


def unpack(home: Home) -> Home:
    """Put a copy of the earlier home in the place of a home."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home.path.parent, filter="data")
    return home


@pytest.fixture
def earlier_home(own_home):
    """A copy of the earlier home."""
    return unpack(own_home)


def in_columns(text: str) -> list[list[str]]:
    return [line.rsplit(maxsplit=1) for line in text.splitlines()]


# -- without a worker ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A client of an engine that opened the earlier home, and has no worker."""
    path = tmp_path_factory.mktemp("earlier")
    with a_home(path) as home, engine_in_process(unpack(home)) as client:
        yield client


def executions_of(client: Client) -> list[Execution]:
    return sorted(client.list_executions(limit=100), key=lambda x: x.created_at)


def named(client: Client, name: str) -> Execution:
    """The newest execution with a name."""
    return [x for x in executions_of(client) if x.name == name][-1]


def test_every_run_has_the_status_it_had(reader):
    executions = executions_of(reader)
    roots = [x for x in executions if x.parent_id is None]

    assert [[x.name, x.status.value] for x in roots] == in_columns(ROOTS)
    assert len(executions) == COUNT
    assert named(reader, "archived").is_archived
    cancelled = named(reader, "runs, and a cancel is on its way")
    assert (cancelled.requested_action, cancelled.started_by) == (
        "cancel",
        "ann (notebook)",
    )
    for name in ("asks, and will be retried", "asks, and will fail"):
        failed = named(reader, name)
        assert (failed.status, failed.is_failed) == ("PAUSED", True)
        assert failed.parked_at is not None
        assert failed.failure.cell_number == 2


def test_every_message_has_the_status_it_had(reader):
    messages = sorted(reader.get("/message"), key=lambda m: m["created_at"])

    assert [[m["subject"], m["status"]] for m in messages] == in_columns(MESSAGES)
    assert messages[0]["response"] == {"string": "yes", "ok": True}
    assert (messages[0]["answered_by"], messages[0]["answered_from"]) == (
        "ann",
        "notebook",
    )
    assert messages[3]["body"]["properties"].keys() >= {"retry_cell", "retry", "fail"}


def test_inputs_output_versions_log_and_cells_are_there(reader):
    first = named(reader, "total of the first version")
    second = named(reader, "total of the second version")

    assert first.inputs == second.inputs == {"price": 3, "amount": 4}
    assert first.output == {"total": 12}
    assert second.output == {"tax7": 0.84, "tax19": 2.28, "total": 12}
    assert first.flow_version != second.flow_version
    current = reader.get_flow("total")
    assert (current.flow_version, current.description) == (
        second.flow_version,
        "with taxes",
    )
    version = reader.get(f"/flow_version/{first.flow_version}")
    assert "price" in version["source"]
    texts = [event.payload["text"] for event in reader.log(second.execution_id)]
    assert "".join(texts) == "adds the tax\ndone\n"
    [failed] = [
        cell
        for cell in reader.cell_runs(named(reader, "broken").execution_id)
        if cell.error_name
    ]
    assert (failed.error_name, failed.error_message) == (
        "ValueError",
        "no price for Ü",
    )
    assert (reader.home.path / second.notebook_path).exists()


def test_families_are_trees(reader):
    family = named(reader, "family, first try")
    tree = reader.tree(family.execution_id)

    by_parent: dict[str, list[str]] = {}
    for record in tree["executions"]:
        by_parent.setdefault(record["parent_id"], []).append(record["execution_id"])
    [middle] = by_parent[family.execution_id]
    assert len(by_parent[middle]) == 2
    assert family.retry_of is not None
    wrapper = named(reader, "succeeds in its second try (retry)")
    first, second = reader.list_executions(parent_id=wrapper.execution_id)[::-1]
    assert (first.status, second.status) == ("ENDED_ERROR", "ENDED_SUCCESS")
    assert second.retry_of == first.execution_id


def test_the_same_in_sql(reader):
    rows = reader.sql(
        "SELECT name, status FROM execution WHERE parent_id IS NULL ORDER BY created_at"
    )["rows"]
    assert rows == in_columns(ROOTS)
    rows = reader.sql("SELECT subject, status FROM message ORDER BY created_at")["rows"]
    assert rows == in_columns(MESSAGES)
    [[action]] = reader.sql(
        "SELECT requested_action FROM execution "
        "WHERE name = 'runs, and a cancel is on its way'"
    )["rows"]
    assert action == "cancel"
    rows = reader.sql("SELECT payload ->> 'what' FROM event WHERE kind = 'asked'")[
        "rows"
    ]
    assert sorted(rows) == [["cancel"], ["cancel"], ["pause"]]
    [[count]] = reader.sql("SELECT count(*) FROM cell_run")["rows"]
    assert count == 40


def test_its_events_and_its_rows_can_be_followed_from_the_first(reader):
    rows = reader.sql("SELECT seq FROM event ORDER BY seq")["rows"]
    expected = [seq for [seq] in rows]
    seqs: list[int] = []
    for event in reader.events(0):
        seqs += [event.seq] if event else []
        if expected[-1] in seqs:
            break
    assert seqs == sorted(seqs)
    assert set(expected) <= set(seqs)

    page = reader.get("/execution/change", after_seq=0)

    changes = page["changes"]
    rows = [change["execution"] for change in changes if "execution" in change]
    ids = {execution.execution_id for execution in executions_of(reader)}
    assert {row["execution_id"] for row in rows} == ids
    assert len(changes) - len(rows) == 5


# -- the record alone ------------------------------------------------------------------------

TABLES = ("execution", "cell_run", "message", "flow", "flow_version")


def tables(home: Home) -> dict[str, list[tuple]]:
    with open_store(home) as store:
        return {name: sorted(map(repr, rows_of(store, name))) for name in TABLES}


def rows_of(store: Store, table: str) -> list[dict[str, object]]:
    """The rows by names of columns: a home that was migrated has the newest ones last."""
    result = store.query(f"FROM {table}")
    return [dict(sorted(zip(result.columns, row, strict=True))) for row in result.rows]


def open_store(home: Home) -> Store:
    return Store(home.database, journal=home.journal, writable_folder=home.backup)


def test_the_tables_made_again_from_events_or_journal_are_the_same(earlier_home):
    expected = tables(earlier_home)

    with open_store(earlier_home) as store:
        store.rebuild()
    assert tables(earlier_home) == expected

    _, count, damage = restore(earlier_home.database, earlier_home.journal)
    assert (count, damage) == (COUNT, [])
    assert tables(earlier_home) == expected


def test_it_can_be_pruned_and_compacted(earlier_home):
    with engine_in_process(earlier_home) as client:
        live = [x for x in executions_of(client) if not x.status.is_ended]
        client.post("/prune", {"keep": 14})
        client.post("/compact", {})
        left = executions_of(client)
        root_ids = {x.root_id for x in live}
        ended = [x for x in left if x.root_id not in root_ids and x.parent_id is None]
        assert [x.name for x in ended] == ["was answered", "left a note"]
        assert [x for x in left if not x.status.is_ended] == live
    expected = tables(earlier_home)

    restore(earlier_home.database, earlier_home.journal)

    assert tables(earlier_home) == expected


# -- with workers and kernels ----------------------------------------------------------------


@pytest.fixture
def ada(earlier_home, monkeypatch):
    """Somebody who opens the home, with this version; lost workers are noticed soon."""
    monkeypatch.setenv("FLOWKERNEL_LEASE", "2")
    client = Client(earlier_home, started_by="ada (notebook)")
    client.channel = "notebook"
    yield client
    client.close()


def ended(client: Client, name: str) -> Execution:
    """The newest execution with a name, when it has ended."""

    def look() -> Execution | None:
        execution = named(client, name)
        return execution if execution.status.is_ended else None

    return until(look, seconds=120, description=name)


def prompt_about(client: Client, name: str) -> dict:
    [prompt] = [
        m
        for m in client.get("/message", is_open="true")
        if m["subject"] == f"{name} failed"
    ]
    return prompt


def test_what_was_under_way_goes_on(ada):
    queued = [ended(ada, f"queued {n}") for n in (1, 2)]
    assert [x.output for x in queued] == [{"n": 4}, {"n": 5}]
    runs = ended(ada, "runs")
    assert (runs.output, runs.losses) == ({"ran": 2}, 1)
    cancelled = ended(ada, "runs, and a cancel is on its way")
    assert (cancelled.status, cancelled.status_message) == (
        "ENDED_CANCELLED",
        "Cancelled; its worker was gone.",
    )

    parent = named(ada, "waits for a child that nobody started")
    done, pending = ada.list_executions(parent_id=parent.execution_id)[::-1]
    ada.act(pending.execution_id, "run")
    parent = ended(ada, parent.name)
    assert parent.output == {"statuses": ["ENDED_SUCCESS"] * 2}
    children = ada.list_executions(parent_id=parent.execution_id)
    assert {x.execution_id for x in children} == {
        done.execution_id,
        pending.execution_id,
    }

    ada.act(named(ada, "paused in the queue").execution_id, "resume")
    assert ended(ada, "paused in the queue").output == {"n": 6}
    ada.act(named(ada, "recorded, not started").execution_id, "run")
    assert ended(ada, "recorded, not started").output == {"n": 3}

    [question] = [
        m for m in ada.get("/message", is_open="true") if m["about_id"] is None
    ]
    ada.answer(question["message_id"], {"string": "no"}, answered_from="REST")
    assert ended(ada, "waits for an answer").output == {
        "said": {"string": "no", "ok": True}
    }


def test_what_waits_can_be_cancelled(ada):
    for name in (
        "waits for an answer",
        "tries again in an hour (retry)",
        "waits for a child that nobody started",
        "paused between its cells",
        "paused in the queue",
        "recorded, not started",
    ):
        ada.act(named(ada, name).execution_id, "cancel")
    for name in (
        "waits for an answer",
        "tries again in an hour (retry)",
        "waits for a child that nobody started",
        "paused between its cells",
        "paused in the queue",
        "recorded, not started",
    ):
        assert ended(ada, name).status == "ENDED_CANCELLED"


def test_open_prompts_are_answered_and_their_lost_kernels_said(ada, earlier_home):
    until(
        lambda: (
            NO_RETRY_CELL in prompt_about(ada, "asks, and will be retried")["message"]
        )
    )
    retried = prompt_about(ada, "asks, and will be retried")
    fails = prompt_about(ada, "asks, and will fail")
    with pytest.raises(BadAnswer, match=NO_RETRY_CELL):
        ada.answer(
            retried["message_id"], {"retry_cell": True}, answered_from="notebook"
        )

    ada.answer(retried["message_id"], {"retry": True}, answered_from="notebook")
    ada.answer(fails["message_id"], {"fail": True}, answered_from="notebook")

    wrapper = ended(ada, "asks, and will be retried (interactive)")
    assert (wrapper.status, wrapper.output) == ("ENDED_SUCCESS", {"total": 12})
    first, second = ada.list_executions(parent_id=wrapper.execution_id)[::-1]
    assert (first.status, first.is_archived) == ("ENDED_ERROR", True)
    assert second.retry_of == first.execution_id
    wrapper = ended(ada, "asks, and will fail (interactive)")
    assert wrapper.status == "ENDED_ERROR"
    assert "NameError" in (wrapper.status_message or "")
    with pytest.raises(NotOpen):
        ada.answer(fails["message_id"], {"retry": True}, answered_from="notebook")
    assert list((earlier_home.path / "parked").glob("*.json")) == []


def test_a_run_of_the_earlier_version_can_be_retried(ada):
    family = named(ada, "family, first try")
    new = ada.act(family.retry_of, "retry")
    until(lambda: ada.get_execution(new.execution_id).status.is_ended, seconds=120)
    assert ada.get_execution(new.execution_id).output == {"children": 2}
    second, first = ada.list_executions(parent_id=new.execution_id)
    assert (first.call_key, first.parent_id) == ("first", family.retry_of)
    assert (second.call_key, second.parent_id) == ("second", new.execution_id)

    elsewhere = named(ada, "in the environment of the project")
    again = ada.act(elsewhere.execution_id, "retry")
    until(lambda: ada.get_execution(again.execution_id).status.is_ended, seconds=120)
    message = ada.get_execution(again.execution_id).status_message
    assert "'/srv/python/bin/python', which is no longer there" in message
