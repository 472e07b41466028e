"""Whether a person is there: who did something last, when, and from where.

Kept in a file of the home, written every few seconds at most, so that an engine that was
killed does not forget that a person is at work.
"""

import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flowkernel.core.clock import now

WRITE_SECONDS = 5.0  #: Between two writes, at least.


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The last thing that a person did."""

    person: str
    channel: str  #: notebook, command line, panel, REST
    at: datetime

    def to_json(self) -> dict[str, str]:
        """As it is sent and stored."""
        return {
            "person": self.person,
            "channel": self.channel,
            "at": self.at.isoformat(),
        }


class Presence:
    """What people did last in one home. Safe in threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._written_at: datetime | None = None
        self._last = _read(path)

    @property
    def last(self) -> Activity | None:
        """The last activity of any person."""
        return self._last

    def note(self, person: str, channel: str) -> None:
        """Note that a person did something now."""
        activity = Activity(person=person, channel=channel, at=now())
        with self._lock:
            self._last = activity
            # The clock may be set back.
            is_due = self._written_at is None or (
                abs(activity.at - self._written_at) > timedelta(seconds=WRITE_SECONDS)
            )
            if is_due:
                self._written_at = activity.at
                _write(self._path, activity)

    def within(self, minutes: float) -> Activity | None:
        """The last activity, if it is no older than so many minutes, inclusive."""
        last = self._last
        if last is None or abs((now() - last.at).total_seconds()) > minutes * 60:
            return None
        return last


def _read(path: Path) -> Activity | None:
    try:
        record = json.loads(path.read_text("utf-8"))
        # The clock may have been set back.
        moment = min(datetime.fromisoformat(record["at"]), now())
        return Activity(person=record["person"], channel=record["channel"], at=moment)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, activity: Activity) -> None:
    draft = path.with_name(f".{path.name}.new")
    with suppress(OSError):  # A full disk: then it is forgotten with this engine.
        draft.write_text(json.dumps(activity.to_json()), "utf-8")
        os.replace(draft, path)
