"""Every command says something on a terminal before it waits, whatever the engine does."""

import io
import json
import shlex
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from flowkernel import __version__
from flowkernel.cli import cli_client, main
from flowkernel.client import engine_launcher
from flowkernel.core.errors import EngineFault
from flowkernel.display.wait_note import CLEAR
from flowkernel.home import EngineFile, Home
from flowkernel.magics import notebook_client
from tests.unit.test_cli_help import COMMANDS

pytestmark = pytest.mark.kernel  # All together they take some seconds.
#: How long the engine waits at most for a command to say something; then the test fails.
PATIENCE = 20.0
QUIET = Config({"HistoryManager": {"enabled": False}})
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
EXAMPLES = [
    shlex.split(command.epilog.splitlines()[0])[1:]
    for path, command in COMMANDS.items()
    if not hasattr(command, "commands")
]


class Terminal(io.StringIO):
    """What a person looks at. The first character on it is an event."""

    encoding = "utf-8"

    def __init__(self, *, is_seen: bool = True):
        super().__init__()
        self.is_seen, self.has_text = is_seen, threading.Event()

    def isatty(self):
        return self.is_seen

    def write(self, text):
        if text:
            self.has_text.set()
        return super().write(text)


class SlowEngine(ThreadingHTTPServer):
    """Answers a request only when something is on the terminal."""

    daemon_threads = True

    def __init__(self, home: Home, terminal: Terminal):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.home, self.terminal = home, terminal
        self.is_silent_wait = False  #: Whether a command waited and had said nothing.

    def wait_for_words(self):
        if self.terminal.is_seen and not self.terminal.has_text.wait(PATIENCE):
            self.is_silent_wait = True

    def write_file(self):
        process = psutil.Process()
        EngineFile(
            url=f"http://127.0.0.1:{self.server_port}",
            token="t",
            pid=process.pid,
            process_started_at=process.create_time(),
            version=__version__,
            interpreter=sys.executable,
            home=str(self.home.path.resolve()),
        ).write(self.home)

    def write_file_later(self):
        self.wait_for_words()
        self.write_file()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.wait_for_words()
        is_status = self.path.endswith("/engine")
        status = {"slots": 2, "running": 0, "waiting": 0, "queued": 0, "workers": 0}
        error = {"code": "EngineFault", "message": "It is not made for this."}
        content = json.dumps(status if is_status else error).encode()
        self.send_response(200 if is_status else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With every file that the examples of the help name; and a home, whose engine is taken."""
    names = {word for words in EXAMPLES for word in words if word.endswith(".ipynb")}
    for path in map(Path, names):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(NOTEBOOK))
    home = Home(tmp_path / ".flowkernel")
    home.prepare()
    home.journal.mkdir()
    monkeypatch.setenv("FLOWKERNEL_HOME", str(home.path))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(cli_client, "QUIET_SECONDS", 0.0)
    with FileLock(home.engine_lock):
        yield home


def run_at(monkeypatch, home, words, *, is_running, is_seen=True, run=main):
    terminal = Terminal(is_seen=is_seen)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    with SlowEngine(home, terminal) as engine:
        serve = partial(engine.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()
        begin = engine.write_file if is_running else engine.write_file_later
        thread = threading.Thread(target=begin)
        thread.start()
        if is_running:
            thread.join()
        run(words)
        thread.join()
        engine.shutdown()
    assert not engine.is_silent_wait, f"nothing was said: {words}"
    return terminal.getvalue()


@pytest.mark.parametrize("is_running", [True, False], ids=["it hangs", "it starts"])
@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_its_first_words_come_before_its_first_wait(
    folder, monkeypatch, words, is_running
):
    assert run_at(monkeypatch, folder, words, is_running=is_running)


MAGICS = ["flows", "executions", "execution 1eacc1a0", "inbox", "flow_run report"]


@pytest.mark.parametrize("is_running", [True, False], ids=["it hangs", "it starts"])
@pytest.mark.parametrize("line", MAGICS)
def test_a_magic_says_what_it_waits_for(folder, monkeypatch, line, is_running):
    monkeypatch.setattr(notebook_client, "SLOW_SECONDS", 0.0 if is_running else 60.0)
    monkeypatch.setattr(engine_launcher, "announce_start", partial(print, "Starting"))
    shell = InteractiveShell.instance(config=QUIET)
    shell.run_line_magic("load_ext", "flowkernel")
    try:
        text = run_at(
            monkeypatch, folder, line, is_running=is_running, run=with_errors(shell)
        )
    finally:
        shell.extension_manager.unload_extension("flowkernel")
        InteractiveShell.clear_instance()

    assert text.startswith(
        "Waiting for the engine ...\n" if is_running else "Starting\n"
    )


def with_errors(shell):
    """Runs a magic, which the engine of this test refuses in the end."""

    def run(line):
        name, _, words = line.partition(" ")
        with pytest.raises(EngineFault):
            shell.run_line_magic(name, words)

    return run


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_nothing_more_is_written_where_nobody_looks(folder, monkeypatch, words):
    text = run_at(monkeypatch, folder, words, is_running=True, is_seen=False)

    assert CLEAR not in text
    assert " ...\n" not in text
