"""Where output notebooks are: each attempt at an execution has a file of its own.

A worker that was silent may still save the notebook of an attempt that it has lost, while
another one runs the next attempt.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from flowkernel.core.models import Execution
from flowkernel.engine.field_types import UUID

#: From the second attempt on, a path ends with its number.
LATER_ATTEMPT = re.compile(rf"(notebooks/.*{UUID})-[1-9][0-9]*\.ipynb", re.DOTALL)


def notebook_path(execution: Execution) -> str:
    """Where the output notebook of this attempt goes, relative to the home."""
    safe = "".join(
        c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in execution.name
    )
    month = f"{execution.created_at:%Y-%m}"
    attempt = f"-{execution.attempt}" if execution.attempt > 1 else ""
    return f"notebooks/{month}/{safe[:40]}-{execution.execution_id}{attempt}.ipynb"


def first_path(path: str) -> str:
    """The path of the first attempt; any other path, such as papermill's own, as it is."""
    later = LATER_ATTEMPT.fullmatch(path)
    return f"{later[1]}.ipynb" if later else path


def paths_of_attempts(home: Path, path: str) -> list[str]:
    """The path, and those of earlier attempts that have left a file.

    `path`: of the last attempt, relative to the home, as it is recorded.
    """
    first = first_path(path)
    if first == path:
        return [path]
    folder, names = path.rpartition("/")[0], list[str]()
    with suppress(OSError):
        names = os.listdir(home / folder)
    paths = [f"{folder}/{name}" for name in names]
    return [other for other in paths if first_path(other) == first]
