"""What a person may have meant by a name that there is not."""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_SHOWN = 80  #: Characters of a name that a sentence repeats, inclusive.


def suggestion(
    name: str, names: Iterable[str], otherwise: str = "Check the spelling."
) -> str:
    """`Did you mean 'report'?`, with the nearest of the names; else the other sentence."""
    nearest = get_close_matches(name, list(names), n=1)
    return f"Did you mean {nearest[0]!r}?" if nearest else otherwise


def quoted_name(name: str) -> str:
    """A name that there is not, in quotes; a long one is cut: who wrote it knows it.

    >>> quoted_name("report"), len(quoted_name("x" * 10_000))
    ("'report'", 82)
    """
    is_short = len(name) <= MAX_SHOWN
    return repr(name if is_short else f"{name[: MAX_SHOWN - 3]}...")
