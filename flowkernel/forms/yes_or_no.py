"""Questions with yes or no, and the one place that says which answer is which."""

from flowkernel.core.text import plain_text

CHOICES = "[y/N]"  #: Behind a question. Enter means no.
ODD_ANSWER = "Type y for yes, or n for no. Enter means no."
YES = frozenset({"y", "yes"})
NO = frozenset({"", "n", "no"})


def yes_or_no(line: str) -> bool | None:
    """What a typed line means; None: neither, so that the question is asked again.

    >>> [yes_or_no(line) for line in ("y", " YES ", "", "No", "current")]
    [True, True, False, False, None]
    """
    word = line.strip().lower()
    return True if word in YES else False if word in NO else None


def ask_yes_or_no(question: str) -> bool:
    """Ask on the terminal until the answer is yes or no.

    Raises:
        EOFError, KeyboardInterrupt: The person does not answer.
    """
    text = plain_text(f"{question} {CHOICES} ")
    while (answer := yes_or_no(input(text))) is None:
        text = plain_text(f"{ODD_ANSWER} {question} {CHOICES} ")
    return answer
