"""A message that cannot be shown, in a sentence: why, and how it is answered. Pure."""

from flowkernel.core.clock import short_id
from flowkernel.core.models import Message
from flowkernel.core.text import one_line

REASON_LENGTH = 200  #: Characters of the error, inclusive.


def not_shown_text(message: Message, error: Exception) -> str:
    """Why the form of an open message is not shown here, and how it is answered."""
    short = short_id(message.message_id)
    reason = one_line(f"{type(error).__name__}: {error}", REASON_LENGTH).rstrip(".")
    return (
        f"Its form cannot be shown here ({reason}). It waits all the same: `flowkernel "
        f"message show {short}` shows what it asks, and `flowkernel message answer {short} "
        "BUTTON` answers it."
    )
