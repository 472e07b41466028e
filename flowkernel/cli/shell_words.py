"""Words and helps for a shell that completes: it runs none of them, and each stays one word."""

import re
import shlex
from collections.abc import Callable, Iterator

from flowkernel.cli.options import Words
from flowkernel.core.text import one_line

#: Also between quotes, a shell or typer's script for it reads them as more than themselves.
SPECIAL = frozenset("\\`$'\"")
#: What bash does not take as it is: it replaces such a word by the files that match it.
PATTERN = re.compile(r"\\|[*?\[]|[@+!]\(")
#: A beginning of a path that means nothing between quotes.
BEGINNING = re.compile(r"(?:\./|~/)?")
MAX_HELP = 72  #: Characters, inclusive: typer breaks a line at 80.


def safe_words(words: Words, shell: str, line: str) -> Words:
    """Words with their helps, as typer can hand them to a shell: it quotes too little.

    Else text in a notebook, or in a message of another person, would be run as a command.
    A word that no quotes can hold is left out.

    Args:
        shell: `bash`, `zsh`, `fish`, `powershell` or `pwsh`.
        line: The words so far as bash sends them; of another shell it is not looked at.
    """
    is_offered = _filter_of(shell, line)
    return list(_safe_words(words, is_offered))


def safe_help(text: str) -> str:
    """The help of a word, in which neither a shell nor the markup of rich finds anything."""
    bare = "".join(c for c in one_line(text, MAX_HELP) if c not in SPECIAL)
    return bare.replace("[", "\\[")


def first_sentence(text: str) -> str:
    """The first sentence of the help of a command or an option, as `safe_help` has it.

    >>> first_sentence("Only these (of today, ...). Default: all.")
    'Only these (of today, ...).'
    """
    sentence, end, _ = text.partition(". ")
    return safe_help(sentence + end.strip())


def bash_words(lines: str, line: str) -> str:
    """The words for bash, a line each, quoted where it would read more than one word."""
    if has_open_quote(line):  # bash puts them behind it.
        return lines
    return "".join(f"{_quoted(word)}\n" for word in lines.splitlines())


def has_open_quote(line: str) -> bool:
    """Whether the last word of a line began with a quote that does not end."""
    try:
        shlex.split(line.rstrip("\\"))
    except ValueError:
        return True
    return False


def _safe_words(
    words: Words, is_offered: Callable[[str], bool]
) -> Iterator[str | tuple[str, str]]:
    for item in words:
        if isinstance(item, str):
            if is_offered(item):
                yield item
        elif is_offered(item[0]):
            yield item[0], safe_help(item[1])


def _filter_of(shell: str, line: str) -> Callable[[str], bool]:
    if shell == "bash":
        return _fits_in_quotes if has_open_quote(line) else _can_be_quoted
    return _is_bare if shell in ("powershell", "pwsh") else _is_plain


def _is_plain(word: str) -> bool:
    return word.isprintable() and SPECIAL.isdisjoint(word)


def _is_bare(word: str) -> bool:
    """Whether it needs no quotes: PowerShell gets none."""
    return shlex.quote(word) == word


def _can_be_quoted(word: str) -> bool:
    return word.isprintable() and not PATTERN.search(word)


def _fits_in_quotes(word: str) -> bool:
    # bash reads "!" between double quotes, too.
    return _is_plain(word) and _can_be_quoted(word) and "!" not in word


def _quoted(word: str) -> str:
    beginning = BEGINNING.match(word)
    length = beginning.end() if beginning else 0
    return word[:length] + (shlex.quote(word[length:]) if word[length:] else "")
