"""A family of runs as stored events: what each column says of it, live, stored and rebuilt."""

import json
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.event_factory import make_event
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import EventKind, Execution, Wrapped
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.tree import Tree
from flowkernel.store import SqlLimits, Store

K = EventKind
S = ExecutionStatus
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA = {"message_id": new_id(), "decided_by": "ada", "decided_from": "notebook"}
EDIT = {"verb": "retry_cell", "source": "1 / 1", "difference": "+1 / 1"}
WRAPPED = Wrapped(flow_name="f", flow_version="v", name="f")
NOBODY = {"verb": "fail", "decided_by": "execution 0199", "why": "Nobody was there."}


def an_execution(**fields):
    values = {"status": S.QUEUED, "flow_name": "f", **fields}
    id_ = new_id()
    return Execution(
        execution_id=id_,
        root_id=values.pop("root_id", id_),
        type="FLOW",
        flow_version="v",
        name="f",
        created_at=NOON,
        parks=True,
        **values,
    )


class Family:
    """A plain root, a wrapper under it, and the flow that this runs; each step one second."""

    def __init__(self, store):
        self.store = store
        self.moment = NOON
        self.events = []  # All that are stored, also those that follow from others.
        self.root = self.add()
        self.wrapper = self.add(self.root, wrapped=WRAPPED)
        self.child = self.add(self.wrapper, call_key=CALL_KEY)

    def add(self, parent=None, **fields):
        if parent is not None:
            fields |= {"parent_id": parent, "root_id": self.root}
        execution = an_execution(**fields)
        id_ = execution.execution_id
        self.record(id_, K.CREATED, **execution.to_json())
        self.record(id_, K.STARTED, worker="w")
        return id_

    def beside(self):
        """The same root with another wrapper, which runs another flow."""
        other = copy(self)  # With the same list of events.
        other.wrapper = other.add(self.root, wrapped=WRAPPED)
        other.child = other.add(other.wrapper, call_key=CALL_KEY)
        return other

    def record(self, id_, kind, /, **payload):
        self.moment += timedelta(seconds=1)
        event = make_event(id_, kind, **payload)
        stored = self.store.append([replace(event, happened_at=self.moment)])
        self.events += stored
        return stored

    def fail(self, **failure):
        payload = {"status_message": "no", "is_parked": True, "failure": failure}
        self.record(self.child, K.FAILED, **payload)

    def decide(self, **decision):
        self.record(self.child, K.DECIDED, **{**ADA, **decision})

    def resume(self):
        self.record(self.child, K.RESUMED)

    def start_cell(self):
        cell = {"cell_run_id": new_id(), "cell_id": "c", "cell_index": 1}
        self.record(self.child, K.CELL_STARTED, **cell, source_hash="h")

    def go_on(self):
        """Do what was decided: with a slot, in the kernel."""
        self.resume()
        self.start_cell()

    def prompt(self):
        """Ask about the failure; the wrapper waits. The id of the message."""
        message_id = new_id()
        message = {
            "message_id": message_id,
            "subject": "f failed",
            "message_type": "ERROR",
            "body": {"properties": {}},
            "about_id": self.child,
        }
        self.record(self.wrapper, K.MESSAGE_SENT, **message)
        self.record(self.wrapper, K.WAITING, on="...", message_id=message_id)
        return message_id

    def answer(self, message_id, seconds, wait_for_slot=0):
        self.moment += timedelta(seconds=seconds)
        answer = {"message_id": message_id, "response": {}}
        self.record(self.wrapper, K.MESSAGE_ANSWERED, **answer)
        self.moment += timedelta(seconds=wait_for_slot)
        self.record(self.wrapper, K.RESUMED)

    def waits(self, *ids):
        """How many seconds each of these waited for people."""
        return tuple(self.store.get_execution(id_).answer_seconds for id_ in ids)

    @property
    def line(self):
        """The ids from the root down to the flow."""
        return self.root, self.wrapper, self.child

    def fields(self, id_, *names):
        return tuple(getattr(self.store.get_execution(id_), name) for name in names)


NUMBERS = (
    *("skipped_cells", "mended_cells", "retried_cells"),
    *("decided_by", "decided_under", "inputs_changed_by"),
    *("asked_at", "asked_message_id", "waiting_since", "waiting_children"),
    "answer_seconds",
)


def numbers_of(executions):
    """By id, what the columns say of what people did."""
    return {
        e.execution_id: {name: getattr(e, name) for name in NUMBERS} for e in executions
    }


def light_tree(store, root_id):
    """The family as a client gets it now: without the columns of JSON."""
    records = [json.loads(member.text) for member in store.family(root_id)]
    executions = [Execution.from_json(record) for record in records]
    return Tree(root_id, executions, cursor=store.last_seq)


def check_numbers(store, root_id, trees):
    """The numbers are the same in the memory, in the tables, and followed live.

    `trees`: such as were read earlier, and have got all events since then.
    """
    store.flush()
    stored = numbers_of(light_tree(store, root_id).executions.values())
    known = numbers_of(store.get_execution(id_) for id_ in stored)
    assert stored == known, "the tables have what the memory has"
    for tree in trees:
        assert numbers_of(tree.executions.values()) == stored, "followed live"


def all_rows(store):
    limits = SqlLimits(60, 99_999)
    return store.query("FROM execution ORDER BY execution_id", limits).rows


@pytest.fixture(scope="module")
def record():
    """The record of all families of a module: made again from its events, it is the same."""
    with Store(":memory:") as store:
        yield store
        rows = all_rows(store)
        store.rebuild()
        assert all_rows(store) == rows, "the tables are the projection of the events"


@pytest.fixture
def family(record):
    family = Family(record)
    record.flush()
    tree = light_tree(record, family.root)
    seen = len(family.events)
    yield family
    for event in family.events[seen:]:
        tree.apply(event)
    check_numbers(record, family.root, [tree])
