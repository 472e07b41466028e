"""A promise, and where it was broken."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """One promise after a campaign."""

    sentence: str  #: What must be 0.
    count: int  #: How many cases were looked at.
    breaches: list[str]  #: What is needed to look at each case that broke it.

    @classmethod
    def of(cls, sentence: str, count: int, breaches: Iterable[str]) -> "Promise":
        return cls(sentence, count, list(breaches))
