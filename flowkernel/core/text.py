"""Text as people see it: plain, on one line, in characters that the terminal can show."""

import codecs
import re
import unicodedata

#: What a terminal that has only ASCII shows instead.
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
    """A duration for people: `0.4 s`, `12 s`, `2 min 05 s`, `3 h 20 min`, `2 d 4 h`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    minutes = rounded // 60
    if minutes < 60:
        return f"{minutes} min {rounded % 60:02} s"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def one_line(text: str, limit: int | None = DETAIL) -> str:
    """Any text as one line of printable characters, at most `limit` of them; None: all."""
    limit = limit or max(len(text), 1)
    bare = " ".join(_ESCAPE.sub("", text[: limit * 10]).split())
    line = "".join(c for c in bare if c.isprintable())
    is_whole = len(line) <= limit and _VISIBLE.search(text, limit * 10) is None
    return line if is_whole else line[: limit - 1] + "…"


def text_width(text: str) -> int:
    """How many columns of a terminal one line takes: a wide character has two.

    >>> text_width("日報"), text_width("cafe\u0301")
    (4, 4)
    """
    return len(text) if text.isascii() else sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):  # Drawn over the one before.
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def plain_text(text: str) -> str:
    """Any text, with its line ends, without control sequences for a terminal."""
    if text.replace("\n", "").isprintable():  # Nearly all: a large text takes a while.
        return text
    return "".join(filter(_is_plain, _ESCAPE.sub("", text)))


def _is_plain(char: str) -> bool:
    """Whether a terminal only shows it: spaces of other scripts, too."""
    return char.isprintable() or char in "\n\t" or unicodedata.category(char) == "Zs"


_VISIBLE = re.compile(r"\S")
#: Control sequences: colours, moves of the cursor, the title of the terminal.
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)")


def for_encoding(text: str, encoding: str | None) -> str:
    """The text as a terminal with this encoding can show it."""
    try:
        codec = codecs.lookup(encoding or "ascii").name
    except LookupError:
        codec = "ascii"
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(codec, "backslashreplace").decode(codec)
    return text
