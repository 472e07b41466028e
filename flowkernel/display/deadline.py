"""Until when a message waits for an answer, in words for people. Pure."""

import math
from datetime import datetime

#: Seconds up to which the seconds that are left are counted, inclusive; above that, minutes.
COUNTED_SECONDS = 120


def deadline_text(expires_at: datetime | None, moment: datetime) -> str:
    """Until when it waits, and how long that is: `until 18:30, 12 min left`.

    Args:
        expires_at: None: there is no limit.
        moment: Now.
    """
    if expires_at is None:
        return "without a time limit"
    left = left_text((expires_at - moment).total_seconds())
    return f"until {clock_text(expires_at, moment)}, {left}"


def clock_text(deadline: datetime, moment: datetime) -> str:
    """The time of day in the zone of this machine; with its day, unless that is today's."""
    local, today = deadline.astimezone(), moment.astimezone().date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def left_text(seconds: float) -> str:
    """How long is left: `95 s left`, `12 min left`, `3 h 05 min left`, `2 d 4 h left`.

    Minutes are rounded up, as in *half an hour left* at the start of half an hour.
    """
    if seconds <= 0:
        return "its time is over"
    if seconds <= COUNTED_SECONDS:
        return f"{math.ceil(seconds)} s left"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min left"
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60:02} min left"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h left"
