"""Which home a command looks at, and which others a person may have meant."""

import errno
import os
import stat
from pathlib import Path

from flowkernel.core.errors import HomeMissing
from flowkernel.home import VARIABLE, Home, home_error, other_homes

NAMED_HOMES = 3  #: Other homes that a sentence names, inclusive.


def check_home(home: Home) -> None:
    """Refuse a home in which nothing was recorded: who reads it makes none.

    Raises:
        HomeMissing: Names other homes nearby.
        HomeNotWritable: It cannot be a folder, or cannot be read.
    """
    if home.is_made:
        return
    try:
        if not stat.S_ISDIR(home.path.stat().st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise home_error(home.path, error) from error
    raise HomeMissing(str(home.path), _advice(other_homes(home)))


def looked_at_text(home: Home) -> str:
    """In which home something was not found, and which others there are."""
    homes = other_homes(home)
    near = f" Others are near: {_names(homes)}." if homes else ""
    return f"(This home is {str(home.path)!r}.{near})"


def _advice(homes: list[Path]) -> str:
    if not homes:
        return "`flowkernel run FILE` makes one."
    return (
        f"Others are near: {_names(homes)}. Go to the folder of your project, or set "
        f"{VARIABLE}."
    )


def _names(homes: list[Path]) -> str:
    return ", ".join(repr(str(path)) for path in homes[:NAMED_HOMES])
