"""What the engine acknowledged: this is what it is held to."""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An answer that a caller gave to a message, and what the engine replied."""

    caller: str
    response: Any
    outcome: str  #: "accepted", or the code of the error.


@dataclass
class Ledger:
    """What was acknowledged, and what no caller should ever see. Safe in threads."""

    flows: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    #: The executions that were paused or resumed, each with the verb.
    interruptions: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    #: What was acknowledged, and was not in the answer to the next query.
    unseen: list[str] = field(default_factory=list)
    #: Requests that the engine answered with an internal error, and callers that gave up.
    faults: list[str] = field(default_factory=list)
    #: The pids that were killed, each with its kind.
    killed: list[tuple[int, str]] = field(default_factory=list)
    #: For the report: kills by kind, refusals by code, ...
    counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, value: Any) -> None:
        """Add to one of the lists."""
        with self._lock:
            getattr(self, kind).append(value)

    def add_answer(self, message_id: str, answer: Answer) -> None:
        with self._lock:
            self.answers[message_id].append(answer)

    def count(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1
