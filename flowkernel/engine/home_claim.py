"""The claim of one engine on its home: the files by which clients find the engine."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from flowkernel.core.errors import BadArgument, HomeNotWritable
from flowkernel.home import EngineFile, Home, home_error


class HomeClaim:
    """Writes `engine.json` and `engine-address`, keeps them correct, removes them at the end.

    A home can be deleted, moved, or replaced by another one while its engine runs. It is the
    same home as long as its lock file is the file that this engine has locked.
    """

    def __init__(self, home: Home, engine_file: EngineFile) -> None:
        self._home = home
        self._engine_file = engine_file
        self._lock_id = _lock_id(home)

    @contextmanager
    def published(self) -> Iterator[None]:
        """Have both files in place for the time of a `with`.

        Raises:
            HomeNotWritable, DiskFull: It cannot be written.
        """
        try:
            self._home.stop_mark.unlink(missing_ok=True)
            self._engine_file.write(self._home)
        except OSError as error:
            raise home_error(self._home.path, error) from error
        try:
            yield
        finally:
            with suppress(OSError, BadArgument):
                # The home at the path may have become another one, with an engine of its own.
                if EngineFile.read(self._home) == self._engine_file:
                    self._home.engine_file.unlink()
                    self._home.address_file.unlink(missing_ok=True)

    def mark_stopped(self) -> None:
        """Have workers and flows not start another engine: a person stopped this one."""
        with suppress(OSError):  # A full disk: then they may.
            self._home.stop_mark.touch(mode=0o600)

    def holds_home(self) -> bool:
        """Whether the home at the path is still the one that this engine has claimed."""
        return _lock_id(self._home) == self._lock_id

    def renew(self) -> bool:
        """Write them again if one is gone or wrong: without it, no client finds us.

        False if the home at the path is gone, or is another one.
        """
        if not self.holds_home():
            return False
        # If the disk is full, the next call tries again.
        with suppress(OSError, HomeNotWritable):
            if not self._is_correct():
                self._engine_file.write(self._home)
        return True

    def _is_correct(self) -> bool:
        try:
            token = self._engine_file.token
            files = [EngineFile.read(self._home, token=t) for t in (None, token)]
            return files == [self._engine_file, self._engine_file]
        except BadArgument:
            return False


def _lock_id(home: Home) -> tuple[int, int] | None:
    """Device and inode of the lock file; None if there is no such file."""
    try:
        status = home.engine_lock.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
