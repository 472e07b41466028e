"""The folder of one campaign: a home, folders for temporary files, the file of effects."""

import os
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from flowkernel.home import Home

#: Settings of the engine: more slots than cores, so that runs wait for each other; a lost
#: worker is missed soon, and no run is lost so often that it is given up.
SETTINGS = {
    "FLOWKERNEL_SLOTS": "4",
    "FLOWKERNEL_LEASE": "3",
    "FLOWKERNEL_MAX_LOSSES": "100",
}


@dataclass
class Arena:
    """Where everything of one campaign is. All paths are absolute."""

    path: Path
    _log_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def home(self) -> Home:
        return Home(self.path / "home")

    @property
    def temporary(self) -> Path:
        """The TMPDIR of every process."""
        return self.path / "tmp"

    @property
    def runtime(self) -> Path:
        """The runtime folder of Jupyter: the sockets of fork servers."""
        return self.path / "run"

    @property
    def effects(self) -> Path:
        """What flows did, one line each: outside the home, so that nobody can undo it."""
        return self.path / "effects.jsonl"

    @property
    def log(self) -> Path:
        """What this campaign did, and when."""
        return self.path / "chaos.log"

    @property
    def copy(self) -> Home:
        """A copy of the home, made when the engine has stopped."""
        return Home(self.path / "copy")

    def enter(self) -> None:
        """Make the folders, and have this process and its children use them."""
        for folder in (self.home.path, self.temporary, self.runtime):
            folder.mkdir(mode=0o700)
        for name in list(os.environ):
            if name.startswith("FLOWKERNEL"):
                del os.environ[name]
        os.environ |= {
            **SETTINGS,
            "FLOWKERNEL_HOME": str(self.home.path),
            "TMPDIR": str(self.temporary),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
        }
        tempfile.tempdir = None

    def say(self, *words: object) -> None:
        """Add a line to the log of the campaign."""
        moment = f"{time.strftime('%H:%M:%S')}.{time.time() % 1 * 1000:03.0f}"
        with self._log_lock, self.log.open("a") as file:
            print(moment, *words, file=file)
