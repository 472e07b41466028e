"""How long the texts of a worker's reports may be: the worker cuts them, the engine checks.

Characters, inclusive. The sources of what fails are as long as a source may be: a person edits
them, so they are not cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flowkernel.core.models import EventKind

MAX_CELLS = 1_000_000  #: Cells of a notebook, inclusive.
#: An id that we make, or a hash.
ID_CHARACTERS = 100
#: The id of a cell: nbformat allows 64, and files have others.
CELL_ID_CHARACTERS = 1_000
#: The first line of the source of a cell: workers send 60 of them.
FIRST_LINE_CHARACTERS = 1_000
#: The name of an exception class.
ERROR_NAME_CHARACTERS = 1_000
#: The message of an error.
ERROR_MESSAGE_CHARACTERS = 2_000
#: A traceback: the end of it has the cause.
TRACEBACK_CHARACTERS = 20_000
#: What is said of the status of an execution.
STATUS_MESSAGE_CHARACTERS = 100_000
#: A sentence of ours: why a kernel is lost.
SENTENCE_CHARACTERS = 2_000
#: The name of a stream; a kernel of another language may have others than ours.
STREAM_CHARACTERS = 100
#: The text of one log event. A worker of an older version sends up to `log_characters`.
LOG_CHARACTERS = 2 * 1024 * 1024
#: The path of an output notebook. Windows allows the longest.
PATH_CHARACTERS = 32_767
#: The source of a cell: that of a whole flow has as many bytes at most.
SOURCE_CHARACTERS = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TextLimit:
    """How long a text may be."""

    characters: int  #: Inclusive.
    keeps_end: bool = False  #: Of a longer one the end is kept, not the beginning.


#: The limits of an object's fields by name: of a text, of a number, of the fields below.
FieldLimits = Mapping[str, "TextLimit | int | FieldLimits"]

TRACEBACK_LIMIT = TextLimit(TRACEBACK_CHARACTERS, keeps_end=True)
ERROR_LIMITS: FieldLimits = {
    "name": TextLimit(ERROR_NAME_CHARACTERS),
    "message": TextLimit(ERROR_MESSAGE_CHARACTERS),
    "traceback": TRACEBACK_LIMIT,
    "cell_id": TextLimit(CELL_ID_CHARACTERS),
    "cell_index": MAX_CELLS,
    "cell_number": MAX_CELLS,
}
FAILURE_LIMITS: FieldLimits = {
    "cell_id": TextLimit(CELL_ID_CHARACTERS),
    "cell_number": MAX_CELLS,
    "cell_count": MAX_CELLS,
    "source": TextLimit(SOURCE_CHARACTERS),
    "kernel_lost": TextLimit(SENTENCE_CHARACTERS),
}
#: The limits of the payload of each kind that a worker reports.
PAYLOAD_LIMITS: Mapping[EventKind, FieldLimits] = {
    EventKind.CELLS_COUNTED: {"cell_count": MAX_CELLS},
    EventKind.CELL_STARTED: {
        "cell_run_id": TextLimit(ID_CHARACTERS),
        "cell_id": TextLimit(CELL_ID_CHARACTERS),
        "cell_index": MAX_CELLS,
        "cell_number": MAX_CELLS,
        "first_line": TextLimit(FIRST_LINE_CHARACTERS),
        "source_hash": TextLimit(ID_CHARACTERS),
    },
    EventKind.CELL_ENDED: {
        "cell_run_id": TextLimit(ID_CHARACTERS),
        "error_name": TextLimit(ERROR_NAME_CHARACTERS),
        "error_message": TextLimit(ERROR_MESSAGE_CHARACTERS),
        "traceback": TRACEBACK_LIMIT,
    },
    EventKind.LOGGED: {
        "stream": TextLimit(STREAM_CHARACTERS),
        "text": TextLimit(LOG_CHARACTERS),
    },
    EventKind.PAUSED: {},
    EventKind.FAILED: {
        "status_message": TextLimit(STATUS_MESSAGE_CHARACTERS),
        "error": ERROR_LIMITS,
        "failure": FAILURE_LIMITS,
        "notebook_path": TextLimit(PATH_CHARACTERS),
    },
    EventKind.KERNEL_LOST: {"why": TextLimit(SENTENCE_CHARACTERS)},
    EventKind.ENDED: {
        "status_message": TextLimit(STATUS_MESSAGE_CHARACTERS),
        "error": ERROR_LIMITS,
        "notebook_path": TextLimit(PATH_CHARACTERS),
    },
}
