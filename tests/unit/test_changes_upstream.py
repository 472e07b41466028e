"""Whatever breaks between engine and window: nothing is missed, and nothing comes twice."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders

from flowkernel.home import EngineFile
from flowkernel.server_extension import changes_upstream
from flowkernel.server_extension.change_reader import (
    ChangeBatch,
    ChangeReader,
    RemovalText,
    RowText,
    StreamBroken,
)
from flowkernel.server_extension.changes_upstream import ChangesUpstream
from flowkernel.server_extension.engine_requests import EngineReply
from flowkernel.server_extension.home_engine import EngineReport, PanelState
from flowkernel.server_extension.panel import last_seq_in
from flowkernel.server_extension.recent_changes import MAX_REMOVALS, RecentChanges
from flowkernel.server_extension.window_feed import WindowFeed
from tests.stage import ENGINE_FILE

PATIENCE = 5.0  #: Seconds until a window that lacks something fails a test.
KEYS = ["a", "b", "c", "d", "e"]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(changes_upstream, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(changes_upstream, "LONGEST_PAUSE", 0.0)
    monkeypatch.setattr(changes_upstream, "LOOK_EVERY", 0.0)


class FakeEngine:
    """The rows of a record, and streams of them as an engine sends them."""

    def __init__(self):
        self.is_up = True
        self.seq = 0
        self.rows = {}  #: The number of the last change of each row, by key.
        self.removals = []  #: The number before it, and the key.
        self.removed_since = 1
        self.streams = 0
        self.piece_size = 10_000
        self._news = asyncio.Event()
        self._breaks = 0

    # What happens.

    def change(self, *keys):
        """One event that changes these rows."""
        self.seq += 1
        for key in keys:
            self.rows.pop(key, None)
            self.rows[key] = self.seq
        self._wake()

    def remove(self, key):
        if self.rows.pop(key, None) is not None:
            self.removals.append((self.seq, key))
            self._wake()

    def cut(self):
        """Every stream breaks, wherever it is."""
        self._breaks += 1
        self._wake()

    def stop(self):
        self.is_up = False
        self.cut()

    def start(self):
        """The next engine, which knows nothing of what was deleted before."""
        if not self.is_up:
            self.is_up, self.removals = True, []
            self.removed_since = self.seq + 1

    def _wake(self):
        self._news.set()
        self._news = asyncio.Event()

    # What the upstream uses.

    def known(self) -> EngineFile | None:
        return ENGINE_FILE if self.is_up else None

    def mark(self):
        return self.is_up

    def forget(self):
        pass

    async def report(self):
        return EngineReport(PanelState.READY if self.is_up else PanelState.STOPPED)

    async def read_last_seq(self, _file):
        if not self.is_up:
            raise OSError("gone")
        return self.seq

    async def stream(self, _file, path):
        start = int(path.partition("after_seq=")[2])
        self.streams += 1
        breaks = self._breaks
        async for piece in self._pieces(start):
            for index in range(0, len(piece), self.piece_size):
                if breaks != self._breaks:
                    raise StreamBroken("cut")
                yield piece[index : index + self.piece_size]
                await asyncio.sleep(0)

    async def _pieces(self, seq):
        hello = json.dumps({"seq": seq, "removed_since": self.removed_since})
        yield f": hello\nretry: 1\nid: {seq}\ndata: {hello}\n\n".encode()
        known = len([number for number, _key in self.removals if number < seq])
        while True:
            news = self._news
            new_removals, known = self.removals[known:], len(self.removals)
            frames = [
                f"data: {json.dumps({'removed': [key]})}\n\n"
                for _n, key in new_removals
            ]
            rows = [(n, key) for key, n in self.rows.items() if n > seq]
            rows.sort()
            for position, (number, key) in enumerate(rows):
                is_last = [n for n, _key in rows[position + 1 :]].count(number) == 0
                id_line = f"id: {number}\n" if is_last else ""
                frames.append(f"{id_line}data: {row_text(number, key)}\n\n")
            seq = self.seq
            yield "".join(frames).encode() or b": still here\n\n"
            if not frames:
                await news.wait()


def row_text(seq, key):
    row = {"execution_id": key, "root_id": key}
    return json.dumps({"seq": seq, "execution": row, "progress": None})


class Window:
    """A window: it reads lists when it has to, and puts changes over them."""

    def __init__(self, engine, upstream):
        self.engine, self.upstream = engine, upstream
        self.seq = None
        self.rows = {}
        self.doubles = []
        self.resets = 0
        self.is_quiet = False
        self.feed = None
        self._received = set()

    def open(self):
        if self.feed is None:
            self.upstream.add_window(self, self.seq)
            self.feed = WindowFeed(self.upstream, self.seq, lambda _report: STATE)

    def close(self):
        if self.feed is not None:
            self.upstream.remove_window(self)
            self.feed = None

    def read(self, messages=1_000):
        """Take what there is; at most so many messages."""
        self.is_quiet = False
        while self.feed is not None and messages > 0:
            text = self.feed.next_text()
            if text is None:
                self.is_quiet = True
                return
            messages -= 1
            self._take(json.loads(text))

    @property
    def has_everything(self):
        """Whether it has what the engine has, and nothing more comes."""
        return self.is_quiet and self.rows == self.engine.rows

    def _take(self, message):
        if message["kind"] in ("start", "reset"):
            self.resets += message["kind"] == "reset"
            self.rows = dict(self.engine.rows)  # It reads its lists a moment later.
            self._received = set()
        for change in message.get("changes", ()):
            self._apply(change)
        self.seq = message.get("seq", self.seq)

    def _apply(self, change):
        for key in change.get("removed", ()):
            self.rows.pop(key, None)
        if "execution" in change:
            key = change["execution"]["execution_id"]
            if (key, change["seq"]) in self._received:
                self.doubles.append((key, change["seq"]))
            self._received.add((key, change["seq"]))
            if change["seq"] >= self.rows.get(key, 0):
                self.rows[key] = change["seq"]


STATE = '{"kind":"engine"}'
STEPS = st.one_of(
    st.tuples(st.just("change"), st.lists(st.sampled_from(KEYS), min_size=1)),
    st.tuples(st.just("remove"), st.sampled_from(KEYS)),
    st.tuples(st.just("cut"), st.none()),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("start"), st.none()),
    st.tuples(st.just("let it run"), st.integers(1, 12)),
    st.tuples(st.just("read"), st.tuples(st.integers(0, 2), st.integers(1, 3))),
    st.tuples(st.just("open"), st.integers(0, 2)),
    st.tuples(st.just("close"), st.integers(0, 2)),
)


async def play(steps, piece_size):
    engine = FakeEngine()
    engine.piece_size = piece_size
    upstream = ChangesUpstream(
        engine, engine.stream, engine.read_last_seq, kept_seconds=1e9
    )
    windows = [Window(engine, upstream) for _ in range(3)]
    windows[0].open()
    for name, value in steps:
        match name:
            case "change":
                engine.change(*value)
            case "remove":
                engine.remove(value)
            case "let it run":
                for _ in range(value):
                    await asyncio.sleep(0)
            case "read":
                windows[value[0]].read(value[1])
            case "open" | "close":
                getattr(windows[value], name)()
            case _:
                getattr(engine, name)()
    engine.start()
    for window in windows:
        window.open()
    await settle(windows)
    upstream.close()
    return engine, windows


async def settle(windows):
    """Until every window has what the engine has."""
    for window in windows:
        window.read()
    async with asyncio.timeout(PATIENCE):
        while not all(window.has_everything for window in windows):
            await asyncio.sleep(0)
            for window in windows:
                window.read()


@given(st.lists(STEPS, max_size=40), st.sampled_from([1, 7, 50, 10_000]))
@settings(max_examples=60)
def test_whatever_breaks_a_window_has_each_row_once(steps, piece_size):
    _engine, windows = asyncio.run(play(steps, piece_size))

    assert [window.doubles for window in windows] == [[], [], []]


def run(scene):
    async def whole():
        engine = FakeEngine()
        upstream = ChangesUpstream(
            engine, engine.stream, engine.read_last_seq, kept_seconds=1e9
        )
        await scene(engine, upstream)
        upstream.close()

    asyncio.run(whole())


def test_windows_share_one_stream():
    async def scene(engine, upstream):
        windows = [Window(engine, upstream) for _ in range(20)]
        for window in windows:
            window.open()
        engine.change("a")
        await settle(windows)
        assert engine.streams == 1
        assert upstream.window_count == 20

    run(scene)


def test_a_window_that_comes_back_gets_what_it_missed_and_no_reset():
    async def scene(engine, upstream):
        other, window = Window(engine, upstream), Window(engine, upstream)
        other.open()
        window.open()
        engine.change("a")
        await settle([other, window])
        window.close()
        engine.change("a")
        engine.change("b")
        engine.remove("a")
        await settle([other])
        window.open()
        await settle([window])
        assert (window.resets, window.doubles) == (0, [])

    run(scene)


def test_a_stream_that_is_cut_goes_on_behind_what_came():
    async def scene(engine, upstream):
        window = Window(engine, upstream)
        window.open()
        for _ in range(20):
            engine.change("a", "b")
            engine.change("c")
            await settle([window])
            engine.cut()
        assert (window.resets, window.doubles) == (0, [])
        assert engine.streams > 10

    run(scene)


def test_after_the_next_engine_a_window_reads_its_lists_again():
    """What was deleted meanwhile, the next engine does not know."""

    async def scene(engine, upstream):
        window = Window(engine, upstream)
        window.open()
        engine.change("a")
        engine.change("b")
        await settle([window])
        engine.stop()
        engine.remove("b")
        engine.start()
        await settle([window])
        assert window.resets >= 1

    run(scene)


def test_what_the_engine_may_not_know_is_heard_wherever_its_first_words_are_parted():
    """The first frame of a stream says it, and may come in several pieces."""

    async def scene(engine, upstream):
        engine.piece_size = 7
        window = Window(engine, upstream)
        window.open()
        engine.change("a", "b")
        await settle([window])
        engine.stop()
        engine.remove("b")
        engine.start()
        await settle([window])
        assert window.resets == 1

    run(scene)


def test_who_was_away_while_the_next_engine_came_reads_its_lists_again():
    async def scene(engine, upstream):
        other, window = Window(engine, upstream), Window(engine, upstream)
        other.open()
        window.open()
        engine.change("a")
        engine.change("b")
        await settle([other, window])
        window.close()
        engine.stop()
        await asyncio.sleep(0)
        engine.remove("b")
        engine.start()
        await settle([other])
        window.open()
        await settle([window])
        assert window.resets == 1

    run(scene)


def test_after_the_next_jupyter_server_a_window_gets_what_it_missed_and_no_reset():
    async def scene(engine, upstream):
        engine.change("a")
        engine.change("b")
        window = Window(engine, upstream)
        window.seq, window.rows = 1, {"a": 1}
        window.open()
        await settle([window])
        assert (window.resets, window.rows) == (0, {"a": 1, "b": 2})

    run(scene)


def test_a_number_that_the_engine_does_not_have_is_answered_with_a_reset():
    async def scene(engine, upstream):
        window = Window(engine, upstream)
        engine.change("a")
        window.seq = 1_000
        window.open()
        await settle([window])
        assert (window.resets, window.seq) == (1, 1)

    run(scene)


def test_two_windows_that_come_back_hear_of_a_deletion_that_neither_knows():
    """The stream begins where the first of them is; the deletion is after both."""

    async def scene(engine, upstream):
        for key in ("a", "b", "c", "d"):
            engine.change(key)
        engine.remove("a")
        behind, ahead = Window(engine, upstream), Window(engine, upstream)
        behind.seq, behind.rows = 1, {"a": 1}
        ahead.seq, ahead.rows = 4, {"a": 1, "b": 2, "c": 3, "d": 4}
        behind.open()
        await settle([behind])
        ahead.open()
        await settle([behind, ahead])
        assert (behind.resets, ahead.resets) == (0, 0)

    run(scene)


def test_an_older_record_is_answered_with_a_reset():
    """A backup was restored: the numbers begin lower again."""

    async def scene(engine, upstream):
        window = Window(engine, upstream)
        window.open()
        for _ in range(10):
            engine.change("a")
        await settle([window])
        engine.stop()
        engine.seq, engine.rows = 3, {"a": 3}
        engine.start()
        await settle([window])
        assert window.resets >= 1

    run(scene)


def test_who_comes_back_later_is_not_told_what_the_engine_was_then():
    """Nobody had the panel open, and meanwhile a person stopped the engine."""

    async def scene(engine, upstream):
        former, window = Window(engine, upstream), Window(engine, upstream)
        former.open()
        engine.change("a")
        await settle([former])
        former.close()
        upstream.close()
        engine.stop()
        window.open()
        assert window.feed.next_text() is None
        for _ in range(10):
            await asyncio.sleep(0)
        assert upstream.report.state is PanelState.STOPPED

    run(scene)


def test_a_window_without_a_number_begins_when_there_is_an_engine():
    async def scene(engine, upstream):
        engine.stop()
        window = Window(engine, upstream)
        window.open()
        for _ in range(50):
            await asyncio.sleep(0)
            window.read()
        assert window.seq is None
        engine.start()
        engine.change("a")
        await settle([window])
        assert window.seq is not None

    run(scene)


def test_a_slow_window_gets_the_newest_rows_and_no_queue_grows():
    recent = RecentChanges(0)
    position = recent.position_now()
    for seq in range(1, 10_001):
        recent.add(batch_of(seq, f"k{seq % 10}"))

    message = recent.message_after(position)

    changes = json.loads(message.text)["changes"]
    assert [change["seq"] for change in changes] == [*range(9_991, 10_001)]
    assert len(recent._rows) == 10


def test_what_is_kept_is_limited_and_who_is_further_behind_begins_again():
    recent = RecentChanges(0, max_rows=10)
    position = recent.position_now()
    for seq in range(1, 101):
        recent.add(batch_of(seq, f"k{seq}"))

    message = recent.message_after(position)

    assert json.loads(message.text) == {"kind": "reset", "seq": 100}
    assert recent.message_after(message.position) is None
    assert len(recent._rows) == 10


def test_large_rows_are_limited_by_their_size():
    recent = RecentChanges(0, max_bytes=10_000)
    for seq in range(1, 101):
        recent.add(batch_of(seq, f"k{seq}", text="x" * 1_000))

    assert len(recent._rows) == 10


def test_after_more_deletions_than_are_kept_a_window_begins_again_once():
    """They have no number: an old home is pruned while nothing runs."""
    recent = RecentChanges(7)
    slow, late = recent.position_now(), 6
    for number in range(MAX_REMOVALS + 1):
        removal = RemovalText(frozenset([f"k{number}"]), '{"removed":[]}')
        recent.add(ChangeBatch(removals=[removal]))

    for position in (slow, recent.position_after(7), recent.position_after(late)):
        message = recent.message_after(position)
        assert json.loads(message.text) == {"kind": "reset", "seq": 7}
        assert recent.message_after(message.position) is None


def test_what_is_much_comes_in_several_messages():
    recent = RecentChanges(0)
    position = recent.position_now()
    text = json.dumps({"x": "y" * 100_000})
    for seq in range(1, 31):
        recent.add(batch_of(seq, f"k{seq}", text=text))

    sizes = []
    while message := recent.message_after(position):
        position = message.position
        sizes.append(len(message.text))

    assert len(sizes) > 2
    assert max(sizes) < 1_300_000


def batch_of(seq, key, text=None):
    row = RowText(seq, key, frozenset([key]), text or row_text(seq, key))
    return ChangeBatch(rows=[row], seq=seq)


def test_rows_of_one_event_come_with_its_number_wherever_the_stream_is_parted():
    rows = b"".join(b"data: %s\n\n" % row_text(7, key).encode() for key in "ab")
    content = rows + b"id: 7\ndata: %s\n\n" % row_text(7, "c").encode()

    for cut in range(len(content) + 1):
        reader = ChangeReader()
        batches = [reader.feed(content[:cut]), reader.feed(content[cut:])]
        assert [len(batch.rows) for batch in batches if batch.seq == 7] == [3]
        assert sum(len(batch.rows) for batch in batches) == 3


def test_what_was_deleted_does_not_come_back_wherever_the_stream_is_parted():
    content = b"id: 7\ndata: %s\n\n" % row_text(7, "a").encode()
    content += b'data: {"removed": ["a"]}\n\n'

    for cut in range(len(content) + 1):
        reader, recent = ChangeReader(), RecentChanges(0)
        position = recent.position_now()
        recent.add(reader.feed(content[:cut]))
        recent.add(reader.feed(content[cut:]))
        message = json.loads(recent.message_after(position).text)
        assert message["changes"] == [{"removed": ["a"]}]


@pytest.mark.parametrize(
    ("status", "content"),
    [(401, b"{}"), (200, b"<html>"), (200, b"{}"), (200, b"[]"), (200, b"\xff")],
)
def test_what_is_no_engine_at_its_address_breaks_the_stream(status, content):
    with pytest.raises(StreamBroken):
        last_seq_in(EngineReply(status, HTTPHeaders(), content))


@pytest.mark.parametrize(
    "piece",
    [b"data: {\n\n", b"data: []\n\n", b"id: x\n\n", b"\xff\n\n", b"data: {}\n\n"],
)
def test_what_is_no_stream_of_changes_breaks_it(piece):
    with pytest.raises(StreamBroken):
        ChangeReader().feed(piece)
