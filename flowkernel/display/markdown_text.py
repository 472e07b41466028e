"""Markdown for people: laid out on a terminal, as one line in a list."""

from typing import TYPE_CHECKING, TextIO

from flowkernel.core.text import DETAIL, for_encoding, one_line, plain_text
from flowkernel.display.live_terminal import can_redraw, write

if TYPE_CHECKING:
    from markdown_it.token import Token
    from rich.markdown import Markdown

#: Tokens that stand for a space between words.
_BREAKS = frozenset({"softbreak", "hardbreak"})


def print_markdown(text: str, stream: TextIO) -> int:
    """Print Markdown: laid out on a terminal, in a pipe as it was written.

    Returns:
        How many lines it has.
    """
    text = plain_text(text)
    if not can_redraw(stream):
        write(text, stream)
        return text.count("\n") + 1
    from rich.console import Console

    console = Console(file=stream, highlight=False)
    with (
        console.capture() as laid_out
    ):  # Its bullets, too, are what the terminal can show.
        console.print(_plain_markdown(text))
    text = for_encoding(laid_out.get(), stream.encoding)
    stream.write(text)
    stream.flush()
    return text.count("\n")


def _plain_markdown(text: str) -> "Markdown":
    """Markdown without control sequences, also where it names their characters."""
    from rich.markdown import Markdown

    markdown = Markdown(text, hyperlinks=False)
    tokens = [*markdown.parsed]
    for token in tokens:
        token.content = plain_text(token.content)
        tokens += token.children or []
    return markdown


def markdown_line(text: str, limit: int | None = DETAIL) -> str:
    r"""The words of Markdown, without its marks, as one line of at most `limit` characters.

    >>> markdown_line("# Which *day*?\n\n- `mon`\n- [tue](https://x)")
    'Which day? mon tue'
    """
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(text)
    return one_line(" ".join(filter(None, map(_words, tokens))), limit)


def _words(token: "Token") -> str:
    """What a token says, without how it looks."""
    if token.children is not None:
        return "".join(map(_inline_words, token.children))
    return "" if token.type == "html_block" else token.content


def _inline_words(token: "Token") -> str:
    if token.type in _BREAKS:
        return " "
    return "" if token.type == "html_inline" else token.content
