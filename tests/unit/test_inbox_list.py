"""%inbox with widgets: what its list says while it reads, and if it cannot go on."""

import threading
from functools import partial

import pytest

from flowkernel.core.errors import EngineUnreachable
from flowkernel.home import Home
from flowkernel.magics import inbox_magic
from flowkernel.widgets.prompt_view import InboxList
from tests.unit.test_widgets import Answers, heading_of


class ReadingClient:
    """A client that looks at the list while it reads; or finds no engine."""

    def __init__(self, inbox, home, error=None):
        self.inbox, self.home, self.error = inbox, home, error
        self.started_by, self.headings = "ada", []

    def get(self, _path):
        self.headings.append(heading_of(self.inbox))
        if self.error:
            raise self.error
        return {"last_seq": 7}

    def get_list(self, _path, **_query):
        return []

    def close(self):
        """It has no connection."""


@pytest.fixture
def client(tmp_path, monkeypatch, capsys):
    client = ReadingClient(InboxList(Answers(), None), Home(tmp_path))
    monkeypatch.setattr(inbox_magic, "_watcher_of", lambda client: client)
    monkeypatch.setattr(inbox_magic, "_follow", lambda *_of, **_more: None)
    yield client
    inbox_magic.end_inbox()


def test_it_says_that_it_reads_and_then_the_truth(client):
    inbox_magic._show_list(client, client.inbox)

    assert all("Reading" in heading for heading in client.headings)
    assert "Nothing waits for an answer." in heading_of(client.inbox)


def test_a_list_that_cannot_be_read_does_not_say_that_nothing_waits(client):
    client.error = EngineUnreachable("No engine.")

    with pytest.raises(EngineUnreachable):
        inbox_magic._show_list(client, client.inbox)

    assert "EngineUnreachable: No engine." in heading_of(client.inbox)


def test_what_ends_the_following_is_said_in_the_list(client):
    def follow(_is_over):
        raise TypeError("no such field")

    inbox_magic._until_error(follow, client.inbox.fail, threading.Event())

    assert "TypeError: no such field" in heading_of(client.inbox)
    assert "Run %inbox again." in heading_of(client.inbox)


def test_a_list_that_is_followed_to_its_end_says_nothing_of_it(client):
    errors = []
    inbox_magic._until_error(partial(bool), errors.append, threading.Event())

    assert errors == []
