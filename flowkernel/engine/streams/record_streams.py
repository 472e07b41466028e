"""The streams of one engine, together: they follow the same commits."""

from collections.abc import Mapping

from flowkernel.core.progress import Progress
from flowkernel.engine.streams.change_stream import ChangeStream
from flowkernel.engine.streams.event_stream import EventStream
from flowkernel.store import Commit, Store


class RecordStreams:
    """What happens in the store, as events and as rows that changed."""

    def __init__(self, store: Store) -> None:
        self.events = EventStream(store.last_seq, store.events_after)
        self.changes = ChangeStream(store.changes_after)

    def publish(self, commit: Commit, root_ids: Mapping[int, str]) -> None:
        """Follow what was committed.

        Args:
            root_ids: By the number of each event, the root of the family to which its
                execution belongs now: a retry may have adopted it.
        """
        self.events.publish(commit.events, root_ids, removed=commit.removed)
        self.changes.publish(commit, root_ids)

    def open(self, commit: Commit, progress: Mapping[str, Progress]) -> None:
        """Follow what comes after this moment. See `ChangeStream.open`."""
        self.changes.open(commit, progress)

    def close(self) -> None:
        """End the stream of every watcher."""
        self.events.close()
        self.changes.close()

    @property
    def active_watchers(self) -> int:
        """How many watchers keep an idle engine running."""
        return self.events.active_watchers + self.changes.active_watchers
