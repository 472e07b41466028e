"""Moments as people type them (`2026-11-26`, `14:00`, `2 hours`) and as programs do. Pure."""

import re
from datetime import UTC, date, datetime, time, timedelta

from flowkernel.core import clock
from flowkernel.core.errors import BadArgument

#: Seconds of each unit, by the words for it without a plural `s`.
UNITS = {
    **dict.fromkeys(("s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hr", "hour"), 3_600),
    **dict.fromkeys(("d", "day"), 86_400),
    **dict.fromkeys(("w", "week"), 7 * 86_400),
}
DAYS_AGO = {"today": 0, "yesterday": 1}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+?)(?:s)?(?:\s+ago)?", re.ASCII)
#: A moment of RFC 3339: with `T` and a zone.
_EXACT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII
)


def exact_moment(text: object) -> datetime:
    """The moment that a program sends. Raises ValueError: it has no zone, or is none."""
    if isinstance(text, str) and _EXACT.fullmatch(text):
        return datetime.fromisoformat(text)
    raise ValueError(
        "it should be a moment with its zone, such as 2026-01-31T08:00:00Z"
    )


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError: UTC has no year for it."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it should be a moment that UTC has, too") from error


def past_moment(text: str, name: str, *, now: datetime | None = None) -> datetime:
    """The moment that a person means: how long ago, a day, or a moment of the local time.

    Args:
        name: What takes it, for the sentence: `--since`.
        now: Default: the present moment.

    Raises:
        BadArgument: It is none of these.
    """
    local_now = (now or clock.now()).astimezone()
    word = " ".join(text.split()).lower()
    try:
        return _moment(word, local_now)
    except (ValueError, OverflowError) as error:
        raise BadArgument(
            f"{name} is {text!r}; it takes how long ago (2 hours, 90 min, 7d), a day "
            "(today, yesterday, 2026-11-26) or a moment (14:00, 2026-11-26T14:00)."
        ) from error


def _moment(word: str, local_now: datetime) -> datetime:
    match = _AGE.fullmatch(word)
    if match is not None and match[2] in UNITS:
        return local_now - timedelta(seconds=float(match[1]) * UNITS[match[2]])
    if word in DAYS_AGO:
        return _local(local_now.date() - timedelta(days=DAYS_AGO[word]), time())
    if re.fullmatch(r"\d?\d:\d\d(:\d\d)?", word, re.ASCII):
        return _local(local_now.date(), time.fromisoformat(_two_digits(word)))
    moment = datetime.fromisoformat(word.upper())
    return moment if moment.tzinfo else moment.astimezone()


def _local(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment).astimezone()


def _two_digits(word: str) -> str:
    """`9:00` as `09:00`."""
    return word if word[2] == ":" else f"0{word}"
