"""The one place where protected values are hidden: what is shown or stored passes through it.

Pure. Rules hide values wherever they stand in a text, also as JSON or Python writes them, and
what has a protected key. They are hidden by a mark of fixed length, which says nothing of
theirs. `BUILT_IN` is what holds everywhere: it hides the tokens of the engine, whose shape is
known. It is called where values enter the journal, where a flow's log and its output notebook
are written, and where the API responds. It costs one quick search.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from string import ascii_letters, digits

from flowkernel.core.models import Event, Json

MARK_LENGTH = 3  #: Characters of a mark: `***`.
#: A shorter value would be hidden in every other word, and is not.
SHORTEST_VALUE = 4
#: The characters of a mark: the first one that no protected value has. So no mark can be a
#: part of a value.
MARKS = "*#•"
OTHER_MARKS = [chr(code) for code in range(0x2580, 0x2600)]

#: The token of a person, a worker or an execution begins with `fkp_`, `fkw_` or `fkx_`: see
#: `engine/callers.py`. In JSON it is written as it is.
TOKEN = re.compile(r"fk[pwx]_[A-Za-z0-9_.-]{16,}")
TOKEN_CHARACTERS = f"{ascii_letters}{digits}_.-"
#: What may be the beginning of a token, at the end of a text.
UNFINISHED = re.compile(r"f(?:k(?:[pwx](?:_[A-Za-z0-9_.-]*)?)?)?\Z")
Span = tuple[int, int]  #: Where a hidden part begins, and where it ends.


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is protected: values, and what has certain keys."""

    values: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    has_tokens: bool = False  #: Whether tokens of the engine are protected.
    mark: str = field(default="*" * MARK_LENGTH)
    _pattern: re.Pattern[str] | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        *,
        values: Iterable[str] = (),
        keys: Iterable[str] = (),
        tokens: bool = False,
    ) -> "Redaction":
        """Rules that hide these values, of 4 characters or more, and what has these keys.

        Args:
            tokens: Whether the tokens of the engine are hidden, too.
        """
        forms = {form for value in values for form in _forms(value)}
        long_forms = {form for form in forms if len(form) >= SHORTEST_VALUE}
        return cls(
            values=frozenset(long_forms),
            keys=frozenset(keys),
            has_tokens=tokens,
            mark=_mark_beside(long_forms),
            _pattern=_pattern_of(long_forms),
        )

    def __bool__(self) -> bool:
        """Whether anything is protected."""
        return bool(self.values or self.keys or self.has_tokens)

    def text(self, text: str) -> str:
        """The text with a mark for each protected value."""
        spans = self.spans(text)
        return self._masked(text, spans) if spans else text

    def finds(self, value: Json) -> bool:
        """Whether there is anything to hide in JSON."""
        match value:
            case str():
                return bool(self.spans(value))
            case Mapping():
                return any(map(self._finds_at, value, value.values()))
            case list() | tuple():
                return any(map(self.finds, value))
            case bool() | None:
                return False
        return self._pattern is not None and bool(self.spans(json.dumps(value)))

    def _finds_at(self, name: str, value: Json) -> bool:
        return name in self.keys or bool(self.spans(name)) or self.finds(value)

    def json(self, value: Json) -> Json:
        """JSON with marks in its texts and keys, and for what has a protected key."""
        if not self:
            return value
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return self._json_object(value)
            case list() | tuple():
                return [self.json(part) for part in value]
            case bool() | None:
                return value
        if self._pattern is None:
            return value
        is_hidden = bool(self.spans(json.dumps(value)))
        return self.mark if is_hidden else value

    def event(self, event: Event) -> Event:
        """The event with marks in its payload: for the journal, and for the wire."""
        return replace(event, payload=self.json(event.payload)) if self else event

    def stream(self) -> "RedactedStream":
        """For a text that comes in pieces, which may be cut within a value."""
        return RedactedStream(self)

    def spans(self, text: str) -> list[Span]:
        """The parts of a text to hide, in order; values that overlap are one part."""
        tokens: list[Span] = []
        if self.has_tokens:
            tokens = [match.span() for match in TOKEN.finditer(text)]
        if self._pattern is None:
            return tokens
        found = self._pattern.finditer(text)
        values = [(match.start(), match.end(1)) for match in found]
        return list(_merged(sorted(values + tokens)))

    def held_length(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a value."""
        longest = max(map(len, self.values), default=1) - 1
        token = self._unfinished_token(text)
        for length in range(min(longest, len(text)), 0, -1):
            end = text[-length:]
            if any(v.startswith(end) and len(v) > length for v in self.values):
                return max(length, token)
        return token

    def _unfinished_token(self, text: str) -> int:
        if not self.has_tokens:
            return 0
        match = UNFINISHED.search(text, len(text.rstrip(TOKEN_CHARACTERS)))
        return len(text) - match.start() if match else 0

    def _json_object(self, values: Mapping[str, Json]) -> dict[str, Json]:
        result: dict[str, Json] = {}
        for name, value in values.items():
            key = unused = self.text(name)
            number = 1
            while unused in result:  # Two keys with the same mark: none is lost.
                number += 1
                unused = f"{key} ({number})"
            result[unused] = self.mark if name in self.keys else self.json(value)
        return result

    def _masked(self, text: str, spans: list[Span]) -> str:
        parts, position = [], 0
        for start, end in spans:
            parts += [text[position:start], self.mark]
            position = end
        return "".join([*parts, text[position:]])


#: Nothing is protected.
NOTHING = Redaction()
#: The rules that hold everywhere.
BUILT_IN = Redaction(has_tokens=True)


class RedactedStream:
    """A text in pieces. All that is returned, joined, is the whole text as it is hidden."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._rest = ""  #: It may be the beginning of a value.
        self._hidden = 0  #: Characters of it that a mark already stands for.

    def add(self, text: str) -> str:
        """What can be shown after this piece; the rest is kept for the next one."""
        if not self._redaction:
            return text
        text = self._rest + text
        cut = len(text) - self._redaction.held_length(text)
        return self._show(text, cut)

    def close(self) -> str:
        """What is left when no piece follows."""
        return self._show(self._rest, len(self._rest))

    def _show(self, text: str, cut: int) -> str:
        """The text before `cut`. A part that begins before it is hidden, all of it."""
        former = [(0, self._hidden)] if self._hidden else []
        parts, position = [], 0
        for start, end in _merged([*former, *self._redaction.spans(text)]):
            if start >= cut:
                break
            is_new = not (self._hidden and start == 0)
            parts += [text[position:start], self._redaction.mark if is_new else ""]
            position = end
        parts.append(text[position:cut])
        position = max(position, self._hidden)  # Nothing was shown: it stays as it was.
        self._rest, self._hidden = text[cut:], max(0, position - cut)
        return "".join(parts)


def _forms(value: str) -> Iterator[str]:
    """A value as it may stand in a text: itself, and within quotes of JSON and Python."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]


def _mark_beside(values: Collection[str]) -> str:
    characters = set().union(*values)
    character = next(c for c in chain(MARKS, OTHER_MARKS) if c not in characters)
    return character * MARK_LENGTH


def _pattern_of(values: Collection[str]) -> re.Pattern[str] | None:
    """Finds the longest value at each place, also where values overlap."""
    if not values:
        return None
    alternatives = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
    return re.compile(f"(?=({alternatives}))", re.DOTALL)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in order of their beginning; those that overlap are one."""
    last: Span | None = None
    for start, end in spans:
        if last is not None and start < last[1]:
            last = last[0], max(last[1], end)
            continue
        if last is not None:
            yield last
        last = start, end
    if last is not None:
        yield last
