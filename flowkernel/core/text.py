"""Text as people see it: plain, on one line, in the characters that a terminal has."""

import codecs
import re

#: What a terminal that knows only ASCII shows instead.
ASCII = str.maketrans(
    {
        "◌": ".",
        "…": "...",
        "▶": ">",
        "◔": "~",
        "‖": "=",
        "✔": "+",
        "✖": "x",
        "⊘": "-",
        "├": "|",
        "└": "`",
        "│": "|",
        "─": "-",
        "“": '"',
        "”": '"',
    }
)
DETAIL = 100  #: Characters of an error message or log line in the tree, inclusive.


def duration_text(seconds: float) -> str:
    """For a person: `0.4 s`, `12 s`, `2 min 05 s`, `3 h 20 min`, `2 d 4 h`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def one_line(text: str, limit: int = DETAIL) -> str:
    """Foreign text as one line of printable characters, at most `limit` of them."""
    bare = " ".join(_ESCAPE.sub("", text[: limit * 10]).split())
    shown = "".join(c for c in bare if c.isprintable())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def plain_text(text: str) -> str:
    """Foreign text of several lines without what would steer a terminal."""
    return "".join(c for c in _ESCAPE.sub("", text) if c.isprintable() or c in "\n\t")


#: What colours a terminal, moves its cursor or sets its title.
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)")


def for_encoding(text: str, encoding: str | None) -> str:
    """The text as a terminal of this encoding can show it."""
    try:
        known = codecs.lookup(encoding or "ascii").name
    except LookupError:
        known = "ascii"
    try:
        text.encode(known)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(known, "backslashreplace").decode(known)
    return text


# -- which lines ---------------------------------------------------------------------------
