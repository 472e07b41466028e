"""What a person may have meant by a name that there is not."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(
    name: str, names: Iterable[str], otherwise: str = "Check the spelling."
) -> str:
    """`Did you mean 'report'?`, with the nearest of the names; else the other sentence."""
    nearest = get_close_matches(name, list(names), n=1)
    return f"Did you mean {nearest[0]!r}?" if nearest else otherwise
