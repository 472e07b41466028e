"""A client without an engine: its error, and what it does not do."""

import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import EngineUnreachable
from flowkernel.home import Home


@pytest.fixture
def client(tmp_path):
    """A client of a home without an engine, which may not start one."""
    client = Client(Home(tmp_path / "home"), started_by="test")
    client.starts_engine = False
    return client


def test_making_a_client_creates_nothing(client):
    assert not client.home.path.exists()


def test_without_an_engine_the_error_says_what_to_do(client):
    with pytest.raises(
        EngineUnreachable, match=r"home' does not answer.*flowkernel doctor"
    ):
        client.get("/engine")
    assert not client.home.path.exists()


def test_a_client_has_the_name_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ada")

    assert Client(Home(tmp_path)).started_by == "ada (Python)"


def test_an_account_without_a_name_is_somebody(tmp_path, monkeypatch):
    def nameless():
        raise KeyError("uid 4711")

    monkeypatch.setattr("getpass.getuser", nameless)

    assert Client(Home(tmp_path)).started_by == "somebody (Python)"
