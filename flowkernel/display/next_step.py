"""What a person can do next: a sentence, and what to type or to open. Pure.

Names and paths are foreign text: they are escaped, and have no control sequences.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from flowkernel.core.text import plain_text
from flowkernel.display.inline_styles import CODE, LINK


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """A sentence, and what to type or to open."""

    sentence: str
    command: str = ""
    href: str = ""  #: What the command is a link to, from the folder of the notebook.

    @property
    def text(self) -> str:
        """The step as plain text."""
        line = f"{self.sentence}: {self.command}" if self.command else self.sentence
        return plain_text(line)

    @property
    def html(self) -> str:
        """The step as HTML."""
        sentence, command = (
            escape(plain_text(part)) for part in (self.sentence, self.command)
        )
        if self.href:
            href = escape(self.href)
            return f'{sentence}: <a href="{href}" style="{LINK}">{command}</a>'
        code = f'<code style="{CODE}">{command}</code>'
        return f"{sentence}: {code}" if command else sentence


def steps_text(steps: Iterable[NextStep]) -> str:
    """Steps in one line of text."""
    return ". ".join(step.text for step in steps)


def steps_html(steps: Iterable[NextStep]) -> str:
    """The same as HTML."""
    return ". ".join(step.html for step in steps)
