"""The home: the folder with the store, the output notebooks and `engine.json`."""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from flowkernel.core.errors import BadArgument, DiskFull, EngineError, HomeNotWritable
from flowkernel.core.private_files import replace_private

FOLDER = ".flowkernel"
MAX_PID = 2**31  #: Exclusive; no system has larger ones.
#: The rights that files with what is recorded leave away: those of everybody but the owner.
PRIVATE_MASK = 0o077
#: Characters that DuckDB misreads in the path of its file: as a separator, and as options.
MISREAD = "?" if os.sep == "\\" else "?\\"
MAX_SUBFOLDERS = (
    200  #: Of the current folder, in which a home is looked for, inclusive.
)
_URL = re.compile(r"http://(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d+")
VARIABLE = "FLOWKERNEL_HOME"
#: The disk has no room, or this user may not take more of it.
FULL = (errno.ENOSPC, errno.EDQUOT)
#: What a home is, or is not, that cannot be written to.
PROBLEMS = {
    errno.EROFS: "is on a read-only file system",
    errno.EACCES: "cannot be written to by this user",
    errno.EPERM: "cannot be written to by this user",
    errno.ENOTDIR: "cannot be a folder: a file is in the way",
    errno.EEXIST: "cannot be a folder: a file is in the way",
}


@dataclass(frozen=True, slots=True)
class Home:
    """The folder with everything of one project. All paths are absolute."""

    path: Path

    @property
    def database(self) -> Path:
        """The DuckDB file. Only the engine opens it."""
        return self.path / "flowkernel.duckdb"

    @property
    def journal(self) -> Path:
        """The folder of the journal, to which everything is written first."""
        return self.path / "journal"

    @property
    def notebooks(self) -> Path:
        """The folder of the output notebooks."""
        return self.path / "notebooks"

    @property
    def log(self) -> Path:
        """The folder of the log files of the engine and the workers."""
        return self.path / "log"

    @property
    def backup(self) -> Path:
        """The only folder that SQL of the engine itself may write to."""
        return self.path / "backup"

    @property
    def sql_reader(self) -> Path:
        """The folder with the copy of the database from which SQL is answered."""
        return self.path / "sql_reader"

    @property
    def engine_file(self) -> Path:
        """The file with address, token and pid of the engine; mode 0600."""
        return self.path / "engine.json"

    @property
    def address_file(self) -> Path:
        """The same without the token, for workers and flows: they have their own."""
        return self.path / "engine-address"

    @property
    def token_key(self) -> Path:
        """The key with which the tokens of workers and executions are made; mode 0600."""
        return self.path / "token-key"

    @property
    def environment(self) -> Path:
        """The folder with the environment variables of what is under way; mode 0700."""
        return self.path / "environment"

    @property
    def erasure_mark(self) -> Path:
        """There while something that was deleted is still to be removed from files."""
        return self.path / "erasing"

    @property
    def presence_file(self) -> Path:
        """The file with the last sign of a person: who, from where, when."""
        return self.path / "presence.json"

    @property
    def stop_mark(self) -> Path:
        """There while the engine stays stopped: only a person starts it again."""
        return self.path / "engine-stopped"

    @property
    def engine_lock(self) -> Path:
        """Locked by the engine while it runs."""
        return self.path / "engine.lock"

    @property
    def start_lock(self) -> Path:
        """Locked by a client while it starts the engine."""
        return self.path / "start.lock"

    @property
    def is_made(self) -> bool:
        """Whether something may be recorded here: an engine ran at least once."""
        return os.path.exists(self.journal) or os.path.exists(self.database)

    def prepare(self) -> None:
        """Create the folders that are missing. A folder that exists stays as it is.

        Raises:
            BadArgument: The database cannot be in a folder of this name.
            HomeNotWritable: The folder cannot be written to; says why.
            DiskFull: There is no space left.
        """
        check_path(self.path)
        try:
            self._create()
            for folder in (self.notebooks, self.log, self.backup):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not os.access(self.path, os.W_OK):
                raise PermissionError(errno.EACCES, "not writable")
        except OSError as error:
            raise home_error(self.path, error) from error

    def _create(self) -> None:
        """Create the folder, if it is missing: for its owner alone, and not for git."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError:
            if not self.path.is_dir():
                raise
        else:
            (self.path / ".gitignore").write_text("*\n")


def check_path(path: Path) -> None:
    """Raise BadArgument if DuckDB, which follows links, cannot open a file there."""
    text = str(path)
    names = f"{text}\0{path.resolve()}"
    misread = next((f"a {char}" for char in MISREAD if char in names), None)
    if any("\udc80" <= char <= "\udcff" for char in names):
        misread = "bytes that are not UTF-8"
    if misread is not None:
        raise BadArgument(
            f"The home {text!r} has {misread} in its path, and DuckDB cannot open a file "
            f"there. Set {VARIABLE} to a folder with another path."
        )


@contextmanager
def private_files() -> Iterator[int]:
    """Files that this process creates meanwhile are for its owner alone.

    Gives the mask for new files from before.
    """
    mask = os.umask(PRIVATE_MASK)
    try:
        yield mask
    finally:
        os.umask(mask)


def open_private(path: str, flags: int) -> int:
    """An `opener` for `open`: a file that is created can be read by its owner alone."""
    return os.open(path, flags, 0o600)


def find_home(
    start: Path | None = None, *, environ: Mapping[str, str] = os.environ
) -> Home:
    """The home for a folder. It need not exist yet.

    That is `FLOWKERNEL_HOME`; else `.flowkernel` in the nearest folder, from this one up, that
    has one; else in the root of the git checkout; else in the folder itself.

    Args:
        start: The folder. Default: the current one.

    Raises:
        BadArgument: `FLOWKERNEL_HOME` names the folder of a user that does not exist.
    """
    if environ.get(VARIABLE):
        return Home(_named_folder(environ[VARIABLE]).absolute())
    start = (start or Path.cwd()).absolute()
    for mark in (FOLDER, ".git"):
        for folder in (start, *start.parents):
            if (folder / mark).exists():
                return Home(folder / FOLDER)
    return Home(start / FOLDER)


def other_homes(home: Home, start: Path | None = None) -> list[Path]:
    """Homes near a folder that a person may have meant instead, the nearest first.

    Those of the folders above it, of the folders in it, the one that would be taken without
    `FLOWKERNEL_HOME`, and that of the folder of the user.

    Args:
        start: The folder. Default: the current one.
    """
    paths: list[Path] = []
    with suppress(OSError):  # It is gone, or a folder above it may not be read.
        start = (start or Path.cwd()).absolute()
        paths.append(find_home(start, environ={}).path)
    folders = [start, *start.parents, *_subfolders(start)] if start else []
    paths += [folder / FOLDER for folder in folders]
    with suppress(RuntimeError):  # A user without a folder.
        paths.append(Path.home() / FOLDER)
    distinct_paths = dict.fromkeys(path for path in paths if path != home.path)
    return [path for path in distinct_paths if Home(path).is_made]


def _subfolders(folder: Path) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        first = islice(entries, MAX_SUBFOLDERS)
        return sorted(Path(entry.path) for entry in first if entry.is_dir())
    return []


def _named_folder(text: str) -> Path:
    """The folder that `FLOWKERNEL_HOME` names; `~` is the folder of the user."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise BadArgument(
            f"{VARIABLE} is {text!r}, and there is no such user. Set it to a folder; one "
            "whose name begins with ~ is written './~...'."
        ) from error


def home_error(path: Path, error: OSError) -> EngineError:
    """The error for a home that cannot be written to; says why, and what to do."""
    if error.errno in FULL:
        return DiskFull(
            f"There is no room left on the disk of the home {str(path)!r}. "
            "Free some space and try again. Nothing that was recorded is lost."
        )
    problem = PROBLEMS.get(
        error.errno or 0, f"cannot be used: {error.strerror or error}"
    )
    with suppress(OSError):  # It may not be looked at.
        problem = "is a file" if path.is_file() else problem
    return HomeNotWritable(
        f"The home {str(path)!r} {problem}. Set {VARIABLE} to a folder you can write to."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFile:
    """The content of `engine.json`."""

    url: str
    token: str
    pid: int
    process_started_at: (
        float  #: Seconds since the epoch; another process with its pid has another.
    )
    version: str
    interpreter: str
    home: str  #: Its path, resolved: the file may have been copied along with a folder.

    def write(self, home: Home) -> None:
        """Write the file, and `engine-address`; each in one step, for its owner alone."""
        if home.engine_file.is_dir():
            raise HomeNotWritable(
                f"{str(home.engine_file)!r} is a folder; the engine writes its address to a "
                "file with this name. Remove the folder and try again."
            )
        record = {name: getattr(self, name) for name in self.__slots__}
        address = {name: value for name, value in record.items() if name != "token"}
        replace_private(home.address_file, json.dumps(address).encode())
        replace_private(home.engine_file, json.dumps(record).encode())

    @classmethod
    def read(cls, home: Home, *, token: str | None = None) -> "EngineFile | None":
        """The content of the file; None if there is none.

        Args:
            token: Of a worker or an execution. Then the rest comes from `engine-address`, and
                `engine.json`, with the token of a person, is not opened.

        Raises:
            BadArgument: The file is damaged, or is that of another home.
        """
        path = home.engine_file if token is None else home.address_file
        try:
            record = json.loads(path.read_text("utf-8"))
            if token is not None:
                record["token"] = token
            file = cls(**{name: _value(record, name) for name in cls.__slots__})
            if file.home != str(home.path.resolve()):
                raise ValueError(f"it is of the engine of {file.home!r}")
            return file
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, IsADirectoryError) as error:
            raise BadArgument(
                f"{str(path)!r} is broken ({error}). A running engine writes it "
                "again within two seconds; if none runs, the next one that starts does."
            ) from error


def _value(record: dict[str, Any], name: str) -> Any:
    """One value of `engine.json`; raises ValueError if it is not valid."""
    value = record[name]
    kind = {"pid": int, "process_started_at": float}.get(name, str)
    is_right = isinstance(value, kind) and not isinstance(value, bool)
    match name:
        case "pid":
            is_right = is_right and 0 < value < MAX_PID
        case "url":
            is_right = is_right and _URL.fullmatch(value) is not None
        case "token":
            is_right = is_right and value.isascii() and value.isprintable()
    if not is_right:
        raise ValueError(f"{name} is {'wrong' if name == 'token' else repr(value)}")
    return value
