"""Stream output of a cell: joined as it comes, and bounded."""

from dataclasses import dataclass, field

import nbformat

#: What an output takes beside its text, about: two streams in turns are many outputs.
OUTPUT_CHARACTERS = 1_000


@dataclass
class StreamCollector:
    """Collects the text of the last stream output of a cell, to join it only once.

    Twenty thousand flushed prints are one output, not twenty thousand.
    """

    #: Characters of stdout and stderr of one cell, inclusive. Each output but the first
    #: counts as `OUTPUT_CHARACTERS` more.
    limit: int
    _output: nbformat.NotebookNode | None = None
    _parts: list[str] = field(default_factory=list)
    _size: int = 0

    def begin_cell(self) -> None:
        """Start with a new cell, or with one whose output is cleared."""
        self.flush()
        self._output, self._size = None, 0

    def add(
        self, outputs: list[nbformat.NotebookNode], name: str, text: str
    ) -> str | None:
        """Add to the last output if it is the same stream; the text that is kept.

        Returns None when the cell is over its limit already.
        """
        if self._size > self.limit:
            return None
        if self._size + len(text) > self.limit:
            text = text[: self.limit - self._size]
            text += f"\n[flowkernel: output cut after {self.limit:,} characters]\n"
            self._size = self.limit + 1
        self._size += len(text)
        last = outputs[-1] if outputs else None
        if last is not self._output or last is None or last.get("name") != name:
            self.flush()
            self._size += OUTPUT_CHARACTERS if self._output is not None else 0
            self._output = nbformat.v4.new_output("stream", name=name, text="")
            outputs.append(self._output)
        self._parts.append(text)
        return text

    def flush(self) -> None:
        """Write the collected text into its output."""
        if self._output is not None and self._parts:
            self._output["text"] += "".join(self._parts)
        self._parts = []
