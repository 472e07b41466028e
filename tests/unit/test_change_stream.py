"""Whoever follows the rows that change has, in the end, the rows of the store."""

import asyncio
from contextlib import aclosing, suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flowkernel.core.clock import new_id
from flowkernel.core.errors import ExecutionNotFound
from flowkernel.core.models import EventKind
from flowkernel.core.progress import Progress, fold_progress
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.streams import change_stream, row_changes
from flowkernel.engine.streams.change_stream import ChangeStream
from flowkernel.engine.streams.feed import Cursor
from flowkernel.engine.streams.row_changes import ChangeSelection
from flowkernel.store import EXECUTION, MESSAGE, Store
from tests.sse import sent_events
from tests.unit.test_store import created_event, make_event

K = EventKind
S = ExecutionStatus
EVERYTHING = ChangeSelection()
FORM = {"properties": {"ok": {"element": "submit"}}}
PATIENCE = 20  #: Seconds until a row that is missing fails a test.
#: What another engine knows at its start: less than those who have watched from before.
RECALLED = Progress()


class FollowedStore:
    """A store, and a stream that follows it; commits are heard when the test says so."""

    def __init__(self, store, **options):
        self.store = store
        self.options = {"every": 0.0, **options}
        self.progress = {}
        self.unheard = []
        self.stream = None
        store.follow(self.unheard.append)
        self.restart()

    def restart(self):
        """Another engine follows the same store from now on."""
        self.unheard.clear()
        moment = self.store.follow(lambda _commit: None)
        self.progress = dict.fromkeys(moment.live, RECALLED)
        self.stream = ChangeStream(self.store.changes_after, **self.options)
        self.stream.open(moment, self.progress)

    def deliver(self):
        """Hear the commits so far, as an engine does."""
        commits = self.unheard[:]
        self.unheard.clear()
        for commit in commits:
            for event in commit.events:
                self._follow(event)
            self.stream.publish(commit)

    def _follow(self, event):
        if event.kind is K.ENDED:
            self.progress.pop(event.execution_id, None)
        elif event.kind is K.CREATED or event.execution_id in self.progress:
            progress = self.progress.get(event.execution_id, Progress())
            self.progress[event.execution_id] = fold_progress(progress, event)


class Watcher:
    """A client: what it was sent, as rows; it connects again behind its last id."""

    def __init__(self, selection):
        self.selection = selection
        self.rows, self.progress, self.messages = {}, {}, {}
        self.last_id = 0
        self.frames = None
        self._piece = None

    def connect(self, stream):
        cursor = stream.cursor(self.last_id)
        self.frames = stream.watch(cursor, self.selection)
        self._piece = asyncio.ensure_future(anext(self.frames))

    async def disconnect(self):
        if self._piece is not None:
            self._piece.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await self._piece
            await self.frames.aclose()

    async def read(self, seconds, keep=None):
        """Take the next piece, if it is there; of a broken one the first frames."""
        await asyncio.wait({self._piece}, timeout=seconds)
        if not self._piece.done():
            return
        for event in list(sent_events(self._piece.result()))[:keep]:
            self.apply(event)
        self._piece = asyncio.ensure_future(anext(self.frames))

    def apply(self, event):
        data = event.data or {}
        if "execution" in data:
            id_, seq = data["execution"]["execution_id"], data["seq"]
            assert seq >= data["execution"]["last_seq"]
            self.rows[id_], self.progress[id_] = data["execution"], data["progress"]
        elif "left" in data:
            self.rows.pop(data["left"], None)
        elif "message" in data:
            self.messages[data["message"]["message_id"]] = data["message"]
        elif "removed" in data:
            self.remove({*data["removed"]})
        self.last_id = self.last_id if event.id is None else event.id

    def remove(self, ids):
        for records in (self.rows, self.messages):
            for key, row in list(records.items()):
                if not ids.isdisjoint((row["execution_id"], row["root_id"])):
                    del records[key]

    def forget_what_is_gone(self, store):
        """As a client does that has rows from before `removed_since`."""
        ids = {
            r["execution_id"] for r in (*self.rows.values(), *self.messages.values())
        }
        for id_ in ids:
            try:
                store.get_execution(id_)
            except ExecutionNotFound:
                self.remove({id_})

    def has_all(self, world):
        """Whether its rows are those of the store that it wants."""
        _root_id, parent_id, status = self.selection
        rows = [e for e in all_executions(world.store) if self._wants(e)]
        messages = [] if parent_id or status else all_messages(world.store, rows)
        return (
            self.rows == {e.execution_id: EXECUTION.light_row(e) for e in rows}
            and self.messages == {m.message_id: MESSAGE.light_row(m) for m in messages}
            and all(self._has_progress(id_, world) for id_ in self.rows)
        )

    def _wants(self, execution):
        pairs = zip(
            self.selection,
            (execution.root_id, execution.parent_id, execution.status),
            strict=True,
        )
        return all(wanted in (None, value) for wanted, value in pairs)

    def _has_progress(self, id_, world):
        progress = world.progress.get(id_)
        return progress is RECALLED or (self.progress[id_] or None) == (
            progress and progress.to_json()
        )


def all_executions(store):
    return store.list_executions(limit=10_000)


def all_messages(store, executions):
    return [m for e in executions for m in store.messages_of(e.execution_id)]


class Following(RuleBasedStateMachine):
    """Any order of changes, commits heard late, reading, broken connections, new engines."""

    @initialize(max_rows=st.integers(1, 6))
    def begin(self, max_rows):
        self.loop = asyncio.new_event_loop()
        self.store = Store(":memory:")
        self.world = FollowedStore(self.store, max_rows=max_rows)
        self.executions = []
        self.add(is_child=False)
        first = self.executions[0]
        selections = [
            EVERYTHING,
            ChangeSelection(root_id=first),
            ChangeSelection(parent_id=first),
            ChangeSelection(status=S.RUNNING),
        ]
        self.watchers = [Watcher(selection) for selection in selections]
        self.call(self.connect_all)

    def call(self, function, *arguments):
        async def run():
            result = function(*arguments)
            if asyncio.iscoroutine(result):
                await result

        self.loop.run_until_complete(run())

    def connect_all(self):
        for watcher in self.watchers:
            watcher.connect(self.world.stream)

    def pick(self, number):
        return self.store.get_execution(self.executions[number % len(self.executions)])

    @rule(is_child=st.booleans())
    def add(self, is_child):
        values = {}
        if is_child and self.executions:
            first = self.executions[0]
            values = {"root_id": first, "parent_id": first, "depth": 1}
        created = created_event(**values)
        self.store.append([created])
        self.executions.append(created.execution_id)

    @rule(
        number=st.integers(0, 9),
        kind=st.sampled_from(["start", "log", "save", "message", "answer", "end"]),
    )
    def change(self, number, kind):
        execution = self.pick(number)
        id_, is_live = execution.execution_id, not execution.status.is_ended
        message = {
            "message_id": new_id(),
            "subject": "s",
            "message": "long",
            "message_type": "INFO",
            "body": FORM,
        }
        match kind:
            case "start" if execution.status is S.PENDING:
                started = make_event(id_, K.STARTED, worker="w")
                self.store.append([make_event(id_, K.QUEUED), started])
            case "log" if is_live:
                text = f"line {new_id()}"
                self.store.append([make_event(id_, K.LOGGED, stream="log", text=text)])
            case "save":
                name = f"n{new_id()}"
                self.store.append([make_event(id_, K.SAVED, name=name)], strict=False)
            case "message" if is_live:
                sent = make_event(
                    id_, K.MESSAGE_SENT, **message, outlives=number % 2 > 0
                )
                self.store.append([sent])
            case "answer" if self.store.open_messages():
                waiting = self.store.open_messages()[0]
                answer = {"message_id": waiting.message_id, "response": {"ok": True}}
                self.store.append(
                    [make_event(waiting.execution_id, K.MESSAGE_ANSWERED, **answer)]
                )
            case "end" if is_live:
                status = S.ENDED_CANCELLED
                self.store.append([make_event(id_, K.ENDED, status=status)])

    @rule(number=st.integers(1, 9))
    def prune(self, number):
        execution = self.pick(number)
        is_first = execution.execution_id == self.executions[0]
        if execution.status.is_ended and not is_first:
            self.answer_and_prune(execution.execution_id)
            self.executions.remove(execution.execution_id)

    def answer_and_prune(self, id_):
        """Both in one commit."""
        waiting = [m for m in self.store.open_messages() if m.execution_id == id_]
        payloads = [{"message_id": m.message_id, "response": {}} for m in waiting]
        answers = [make_event(id_, K.MESSAGE_ANSWERED, **p) for p in payloads]

        def decide(batch):
            batch.append(answers, strict=True)
            batch.prune({id_})

        self.store.decide(decide)

    @rule()
    def hear(self):
        self.call(self.world.deliver)

    @rule(number=st.integers(0, 3))
    def read(self, number):
        self.call(self.watchers[number].read, 0.005)

    @rule(number=st.integers(0, 3), keep=st.integers(0, 2))
    def break_off(self, number, keep):
        async def read_a_part():
            watcher = self.watchers[number]
            await watcher.read(0.005, keep)
            await watcher.disconnect()
            watcher.connect(self.world.stream)

        self.call(read_a_part)

    @rule()
    def start_another_engine(self):
        async def restart():
            for watcher in self.watchers:
                await watcher.disconnect()
            self.world.restart()
            for watcher in self.watchers:
                if watcher.last_id < self.world.stream.removals.since:
                    watcher.forget_what_is_gone(self.store)
                watcher.connect(self.world.stream)

        self.call(restart)

    @invariant()
    def memory_is_bounded(self):
        if hasattr(self, "world"):
            stream = self.world.stream
            assert len(stream._rows) <= stream._max_rows

    def teardown(self):
        if not hasattr(self, "world"):
            return
        try:
            self.call(self._read_all)
        finally:
            self.store.close()
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    async def _read_all(self):
        self.world.deliver()
        for watcher in self.watchers:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while not watcher.has_all(self.world):
                        await watcher.read(0.05)
            await watcher.disconnect()
            assert watcher.has_all(self.world), watcher.selection
        assert self.world.stream.watchers == 0


Following.TestCase.settings = settings(max_examples=25, stateful_step_count=40)
TestFollowing = pytest.mark.kernel(Following.TestCase)


@pytest.fixture
def world():
    with Store(":memory:") as store:
        yield FollowedStore(store)


def started(world):
    created = created_event()
    id_ = created.execution_id
    started = make_event(id_, K.STARTED, worker="w")
    world.store.append([created, make_event(id_, K.QUEUED), started])
    return id_


def log(world, id_, text):
    world.store.append([make_event(id_, K.LOGGED, stream="log", text=text)])


async def first_changes(stream, count, selection=EVERYTHING):
    """The data of the first `count` frames behind the first one."""
    events = []
    watching = aclosing(stream.watch(stream.cursor(None), selection))
    async with asyncio.timeout(PATIENCE), watching as pieces:
        async for piece in pieces:
            events += [event.data for event in sent_events(piece) if event.data]
            if len(events) > count:
                return events[1:]


def test_a_row_is_encoded_once_for_all_watchers_and_not_at_all_without_any(
    world, monkeypatch
):
    encoded = []
    encode = change_stream.execution_change

    def count(execution, progress, seq, root_id):
        encoded.append(seq)
        return encode(execution, progress, seq, root_id)

    monkeypatch.setattr(change_stream, "execution_change", count)

    async def watch():
        id_ = started(world)
        world.deliver()
        assert encoded == []
        watching = [
            asyncio.create_task(first_changes(world.stream, 1)) for _ in range(50)
        ]
        await asyncio.sleep(0)
        log(world, id_, "hello")
        world.deliver()
        return await asyncio.gather(*watching)

    changes = asyncio.run(watch())

    assert len(encoded) == 1
    assert {change["progress"]["last_log"] for [change] in changes} == {"hello"}


def test_a_row_that_changes_often_is_sent_at_most_once_in_a_while(world):
    world.options["every"] = 0.2
    world.restart()

    async def watch():
        id_ = started(world)
        world.deliver()
        watching = asyncio.create_task(first_changes(world.stream, 2))
        await asyncio.sleep(0)
        for number in range(1_000):
            log(world, id_, f"line {number}")
            world.deliver()
            await asyncio.sleep(0)
        return await watching

    lines = [change["progress"]["last_log"] for change in asyncio.run(watch())]

    assert lines[-1] != "line 1"
    assert len(lines) == 2


def test_of_what_is_answered_and_deleted_in_one_commit_only_the_end_is_told(world):
    id_, message_id = started(world), new_id()
    message = {"message_id": message_id, "subject": "s", "message_type": "INFO"}
    sent = make_event(id_, K.MESSAGE_SENT, **message, body=FORM, outlives=True)
    world.store.append([sent, make_event(id_, K.ENDED, status=S.ENDED_SUCCESS)])
    answer = {"message_id": message_id, "response": {}}
    answered = make_event(id_, K.MESSAGE_ANSWERED, **answer)

    def answer_and_prune(batch):
        batch.append([answered], strict=True)
        batch.prune({id_})

    async def watch():
        world.deliver()
        watching = asyncio.create_task(first_changes(world.stream, 2))
        await asyncio.sleep(0)
        world.store.decide(answer_and_prune)
        started(world)
        world.deliver()
        return await watching

    changes = asyncio.run(watch())

    assert changes[0] == {"removed": [id_]}
    assert not any("message" in change for change in changes)


def test_what_was_removed_is_told_also_to_one_who_connects_after_it(world):
    id_ = started(world)
    world.store.append([make_event(id_, K.ENDED, status=S.ENDED_SUCCESS)])
    seq = world.store.last_seq

    async def watch():
        world.deliver()
        world.store.prune([id_])
        world.deliver()
        pieces = world.stream.watch(world.stream.cursor(seq), EVERYTHING)
        async with asyncio.timeout(PATIENCE):
            return [
                *sent_events(await anext(pieces)),
                *sent_events(await anext(pieces)),
            ]

    events = asyncio.run(watch())

    assert events[-1].data == {"removed": [id_]}
    assert world.stream.removed_after(seq) == [id_]


def test_who_comes_back_to_where_nothing_was_new_gets_what_came_meanwhile(world):
    """Nobody watched meanwhile."""
    id_ = started(world)

    async def watch():
        world.deliver()
        cursor = world.stream.cursor(world.stream.last_seq)
        async with aclosing(world.stream.watch(cursor, EVERYTHING)) as pieces:
            await anext(pieces)
            waiting = asyncio.ensure_future(anext(pieces))
            await asyncio.wait({waiting}, timeout=0)  # There is nothing new.
            waiting.cancel()
            await asyncio.wait({waiting})
        world.store.append([make_event(id_, K.ENDED, status=S.ENDED_SUCCESS)])
        world.deliver()
        async with aclosing(world.stream.watch(cursor, EVERYTHING)) as pieces:
            async with asyncio.timeout(PATIENCE):
                await anext(pieces)
                return [*sent_events(await anext(pieces))]

    [event] = asyncio.run(watch())

    assert event.data["execution"]["status"] == S.ENDED_SUCCESS


def test_a_page_has_the_newest_rows_with_their_progress_and_says_where_to_go_on(world):
    first, second = started(world), started(world)
    seq = world.store.last_seq
    log(world, first, "hello")

    async def read():
        world.deliver()
        return (
            await world.stream.page(0, EVERYTHING, 1),
            await world.stream.page(seq, EVERYTHING, 100),
            await world.stream.page(world.store.last_seq, EVERYTHING, 100),
        )

    one, progressed, nothing = asyncio.run(read())

    assert [first in text for text in one.texts] == [True]
    assert (one.seq, one.is_complete) == (seq - 3, False)
    assert ["hello" in text for text in progressed.texts] == [True]
    assert progressed.is_complete
    assert (nothing.texts, nothing.seq) == ([], world.store.last_seq)
    assert second != first


def test_who_got_a_part_of_what_one_event_changed_gets_all_of_it_again(world):
    id_ = started(world)
    message = {"message_id": new_id(), "subject": "s", "message_type": "INFO"}
    world.store.append([make_event(id_, K.MESSAGE_SENT, **message, body=FORM)])
    seq = world.store.last_seq
    world.store.append([make_event(id_, K.ENDED, status=S.ENDED_SUCCESS)])

    async def watch(after_seq):
        world.deliver()
        pieces = world.stream.watch(world.stream.cursor(after_seq), EVERYTHING)
        async with asyncio.timeout(PATIENCE), aclosing(pieces):
            await anext(pieces)
            return [*sent_events(await anext(pieces))]

    first, second = asyncio.run(watch(seq))

    assert {*first.data, *second.data} == {"seq", "execution", "progress", "message"}
    assert (first.id, second.id) == (None, seq + 1)
    assert asyncio.run(watch(first.id or seq)) == [first, second]


def test_the_cursor_of_a_watcher_from_now_on_knows_every_removal(world):
    world.stream.removals.add(0, ["x"])

    assert world.stream.cursor(None) == Cursor(0, 1)
    assert world.stream.cursor(0) == Cursor(0, 0)
    assert world.stream.cursor(1) == Cursor(1, 1)


def test_what_was_adopted_is_a_row_of_both_families_and_of_both_parents(world):
    root, again = started(world), started(world)
    child = created_event(root_id=root, parent_id=root, call_key="call")
    id_ = child.execution_id
    adoption = {"parent_id": again, "root_id": again, "call_key": "call"}
    world.store.append([child, make_event(id_, K.ADOPTED, **adoption)])
    execution = world.store.get_execution(id_)

    change = row_changes.execution_change(execution, None, 1, again)
    page = world.store.changes_after

    for top in (root, again):
        assert ChangeSelection(root_id=top).text_of(change)
        assert ChangeSelection(parent_id=top).text_of(change)
        for selection in ({"root_id": top}, {"parent_id": top}):
            assert id_ in [row.execution_id for row in page(0, **selection).rows]
    assert ChangeSelection(root_id="other").text_of(change) is None
