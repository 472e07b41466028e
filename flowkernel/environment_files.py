"""The private files with the environment variables of the runs that are under way.

There is one file for each different environment, `environment/NAME.json` in the home, so that
a second start with the same variables writes nothing. Its name is a hash with the key of the
home, from which nobody can guess a value. What is recorded has this name, and the names of the
variables; the values are in these files only.
"""

import hmac
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock

from flowkernel.core.errors import EnvironmentGone
from flowkernel.core.json_values import dumps
from flowkernel.core.models import PassedVariables
from flowkernel.core.private_files import make_private_folder, replace_private
from flowkernel.core.variables import names_text, passed_variables
from flowkernel.home import Home, home_error

SUFFIX = ".json"
RECENT = 4  #: Environments that are remembered, inclusive.
NAME_LENGTH = 32  #: Hexadecimal digits of the name of a file.


@dataclass(frozen=True, slots=True)
class _Content:
    """What a start sent, and what is kept of it."""

    environ: object = field(repr=False)
    patterns: tuple[str, ...]
    text: bytes = field(repr=False)
    passed: PassedVariables


class EnvironmentFiles:
    """The files of one home. Only its engine writes and removes them. Safe in threads."""

    def __init__(self, home: Home, key: bytes) -> None:
        self._home = home
        self._key = key
        self._lock = Lock()
        self._on_disk: set[str] = set()  #: Names of files that were written and synced.
        #: Starts that are being recorded, by name.
        self._held: Counter[str] = Counter()
        #: What the last starts sent: the next one often sends the same.
        self._recent: deque[_Content] = deque(maxlen=RECENT)

    @contextmanager
    def held(
        self, environ: object, patterns: Iterable[str] = ("*",)
    ) -> Iterator[PassedVariables]:
        """Have the variables of a start on disk, while what refers to them is recorded.

        Args:
            environ: As they came with the request: JSON.
            patterns: The setting `pass_environment`.

        Raises:
            BadArgument, BadValue: They cannot be used.
            HomeNotWritable, DiskFull: They cannot be written.
        """
        content = self._content_of(environ, tuple(patterns))
        name, text = content.passed.file, content.text
        with self._lock:
            self._held[name] += 1
        try:
            self._write_once(name, text)
            yield content.passed
        finally:
            with self._lock:
                self._held[name] -= 1

    def _content_of(self, environ: object, patterns: tuple[str, ...]) -> "_Content":
        for content in list(self._recent):
            if content.environ == environ and content.patterns == patterns:
                return content
        values = passed_variables(environ, patterns)
        text = dumps(values).encode()
        name = hmac.new(self._key, text, sha256).hexdigest()[:NAME_LENGTH]
        passed = PassedVariables(file=name, names=list(values))
        content = _Content(environ, patterns, text, passed)
        self._recent.append(content)
        return content

    def _write_once(self, name: str, text: bytes) -> None:
        with self._lock:
            path = _path(self._home, name)
            if name in self._on_disk and path.exists():
                return
            try:
                make_private_folder(path.parent)
                replace_private(path, text, is_durable=True)
            except OSError as error:
                raise home_error(self._home.path, error) from error
            self._on_disk.add(name)

    def remove_unused(self, used: Callable[[], Set[str]]) -> None:
        """Remove the files that nothing refers to.

        Args:
            used: The names that what has not ended refers to.
        """
        with self._lock:
            kept = used() | {name for name, count in self._held.items() if count}
            self._held = Counter({name: self._held[name] for name in kept})
            self._on_disk &= kept
            self._recent.clear()
            with suppress(FileNotFoundError):
                for path in self._home.environment.iterdir():
                    if path.name.removesuffix(SUFFIX) not in kept:
                        path.unlink(missing_ok=True)


def read_variables(
    home: Home, passed: PassedVariables, flow_name: str
) -> dict[str, str]:
    """The variables with which the root of an execution was started.

    Raises:
        EnvironmentGone: The file is not there; names the variables.
    """
    path = _path(home, passed.file)
    try:
        values: dict[str, str] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        names = f" ({names_text(passed.names)})" if passed.names else ""
        raise EnvironmentGone(
            f"{flow_name!r} was started with environment variables{names} whose values are "
            "gone: this home no longer has the file with them. Start it again."
        ) from error
    return values


def _path(home: Home, name: str) -> Path:
    return home.environment / f"{name}{SUFFIX}"
