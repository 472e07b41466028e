"""A command that reads waits for a home that another process is just making."""

import threading

import pytest
from filelock import FileLock

from flowkernel.cli.cli_client import CommandClient
from flowkernel.cli.engine_operations import describe
from flowkernel.client import engine_launcher
from flowkernel.client.engine_launcher import EngineState, is_starting
from flowkernel.core.errors import HomeMissing
from flowkernel.home import Home
from tests.conftest import until


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path / "home"))
    home = Home(tmp_path / "home")
    home.prepare()
    return home


@pytest.mark.parametrize("name", ["start_lock", "engine_lock"])
def test_a_command_waits_until_the_home_is_made(home, monkeypatch, name):
    """The starter may be gone already: then the engine alone has its lock."""
    client, errors = CommandClient(), []
    monkeypatch.setattr(
        engine_launcher.time,
        "sleep",
        lambda _seconds: home.journal.mkdir(exist_ok=True),
    )

    def check():
        try:
            client._check_home()
        except HomeMissing as error:
            errors.append(error)

    with FileLock(getattr(home, name), mode=0o600):
        checking = threading.Thread(target=check)
        checking.start()
        checking.join(10)

    assert errors == []
    assert home.is_made


def test_it_waits_no_longer_than_an_engine_may_take(home, monkeypatch):
    monkeypatch.setattr(engine_launcher, "START_SECONDS", 0.1)

    with FileLock(home.start_lock, mode=0o600), pytest.raises(HomeMissing):
        CommandClient()._check_home()


def test_without_an_engine_that_starts_it_says_at_once_that_there_is_no_home(home):
    files = {*home.path.iterdir()}

    with pytest.raises(HomeMissing):
        CommandClient()._check_home()

    assert {*home.path.iterdir()} == files
    assert not is_starting(Home(home.path / "none"))


def test_the_state_of_the_engine_says_that_it_starts(home):
    assert describe(home, EngineState.NONE, None)[0] == "No engine is running."
    with FileLock(home.engine_lock, mode=0o600):
        sentence, _ = describe(home, EngineState.NONE, None)

    assert sentence == "An engine is just starting."
    until(lambda: not is_starting(home))
