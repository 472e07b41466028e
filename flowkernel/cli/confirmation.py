"""What a person at the terminal is asked before something happens."""

from flowkernel.cli.output import print_note
from flowkernel.forms.yes_or_no import ask_yes_or_no


def is_confirmed(question: str) -> bool:
    """Whether the person says yes; the end of the input is no, an odd answer is asked again.

    Raises:
        KeyboardInterrupt: The person interrupts.
    """
    try:
        return ask_yes_or_no(question)
    except EOFError:  # The terminal has not ended the line.
        print()
        return False


def is_deletion_confirmed(question: str) -> bool:
    """The same before something is deleted; after a no, a line says that nothing was."""
    is_sure = is_confirmed(question)
    if not is_sure:
        print_note("Nothing was deleted.")
    return is_sure


def count_text(count: int, one: str, several: str) -> str:
    """A number with its word.

    >>> count_text(1, "run", "runs"), count_text(1200, "run", "runs")
    ('1 run', '1,200 runs')
    """
    return f"{count:,} {one if count == 1 else several}"
