"""Messages over REST: each is answered once, whoever is first."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadAnswer, BadForm, MessageNotFound, NotOpen
from tests.conftest import kill_engine

SOURCE = {"name": "asker", "kind": "SCRIPT", "source": "1"}
BUTTONS = {
    "type": "object",
    "properties": {
        "note": {"element": "string"},
        "retry": {"element": "submit", "label": "Retry"},
        "fail": {"element": "submit", "label": "Fail"},
    },
}


@pytest.fixture
def asker(client):
    """An execution that can send messages; nobody runs it."""
    return client.start({"source": SOURCE, "run": False}).execution_id


@pytest.fixture
def send(client, asker):
    def send(**fields):
        said = {"subject": "What now?", "body": BUTTONS, **fields}
        return client.post(f"/execution/{asker}/message", said)

    return send


def named(client, name):
    other = Client(client.home, started_by=f"{name} (Python)")
    return lambda id_, **response: other.answer(id_, response, answered_from="notebook")


def test_an_answer_is_kept_with_who_gave_it_and_from_where(client, send):
    sent = send()
    assert (sent["status"], sent["response"]) == ("OPEN", None)

    told = named(client, "ada")(sent["message_id"], retry=True, note="again")

    assert told["response"] == {"note": "again", "retry": True}
    assert (told["status"], told["answered_by"], told["answered_from"]) == (
        "ANSWERED",
        "ada",
        "notebook",
    )
    assert client.get(f"/message/{sent['message_id']}") == told


def test_the_second_is_told_who_was_first_and_what_it_was(client, send):
    sent = send()
    named(client, "ada")(sent["message_id"], retry=True)

    with pytest.raises(
        NotOpen, match=r"ada was first, at .* UTC from notebook: Retry\."
    ):
        named(client, "bob")(sent["message_id"], fail=True)

    assert client.get(f"/message/{sent['message_id']}")["response"] == {"retry": True}


def test_an_answer_that_is_sent_again_is_the_same_answer(client, send):
    sent = send()
    body = {"answer_id": new_id(), "response": {"retry": True}, "answered_by": "ada"}

    first, second = (
        client.post(f"/message/{sent['message_id']}/answer", body) for _ in range(2)
    )

    assert first == second


def test_what_does_not_fit_leaves_it_open(client, send):
    sent = send()

    with pytest.raises(BadAnswer, match="one of: retry, fail"):
        named(client, "ada")(sent["message_id"], note="no button")

    assert [m["message_id"] for m in client.get("/message", is_open="true")] == [
        sent["message_id"]
    ]
    named(client, "ada")(sent["message_id"], fail=True)


def test_what_is_no_form_is_refused(send, client):
    before = len(client.get("/message"))

    with pytest.raises(BadForm, match="slider"):
        send(body={"properties": {"x": {"element": "slider"}}})

    assert len(client.get("/message")) == before


def test_a_message_whose_execution_is_gone_says_so(client, asker, send):
    sent = send()

    client.act(asker, "cancel")

    told = client.get(f"/message/{sent['message_id']}")
    assert (told["status"], told["closed_why"]) == (
        "CLOSED",
        "Its run ended before there was an answer.",
    )
    with pytest.raises(NotOpen, match=r"is closed\. Its run ended"):
        named(client, "ada")(sent["message_id"], retry=True)


def test_an_answer_that_comes_too_late_is_refused(client, send):
    sent = send(timeout=0)

    with pytest.raises(NotOpen, match="Nobody answered in time"):
        named(client, "ada")(sent["message_id"], retry=True)

    assert client.get(f"/message/{sent['message_id']}")["status"] == "TIMED_OUT"


def test_a_note_cannot_be_answered(client, send):
    sent = send(body=None, message="just so", wait=False)

    with pytest.raises(NotOpen, match="is a note"):
        named(client, "ada")(sent["message_id"])


def test_it_is_found_by_the_end_of_its_id_or_of_its_execution(client, asker, send):
    sent = send()

    for part in (sent["message_id"][-8:], asker[-8:], asker):
        assert client.get(f"/message/{part}")["message_id"] == sent["message_id"]
    other = send()
    with pytest.raises(MessageNotFound):
        client.get(f"/message/{asker}")
    named(client, "ada")(other["message_id"], retry=True)
    named(client, "ada")(asker, retry=True)
    with pytest.raises(NotOpen, match="ada was first"):
        named(client, "bob")(asker, fail=True)
    with pytest.raises(MessageNotFound):
        client.get("/message/nothing-like-it")


def test_a_password_is_in_no_record(client, asker, send):
    body = {"properties": {"word": {"element": "password"}}}
    sent = send(body=body)

    told = named(client, "ada")(sent["message_id"], word="s3cret", ok=True)

    assert told["response"] == {"word": "(hidden)", "ok": True}
    question = {"message": sent["message_id"], "is_flow": True, "seconds": 0}
    heard = client.post(f"/execution/{asker}/wait", question)
    assert heard["message"]["response"] == {"word": "s3cret", "ok": True}
    everything = client.sql("SELECT * FROM event")["rows"]
    everything += client.sql("SELECT * FROM message")["rows"]
    assert "s3cret" not in str(everything)
    files = [p for p in client.home.path.rglob("*") if p.is_file()]
    assert not any(b"s3cret" in path.read_bytes() for path in files)


def test_twenty_messages_are_each_answered_exactly_once_by_four(client, send):
    ids = [send()["message_id"] for _ in range(20)]

    def answer_all(name):
        mine, order = [], Random(name).sample(ids, len(ids))
        for message_id in order:
            try:
                named(client, name)(message_id, retry=True)
                mine.append(message_id)
            except NotOpen:
                pass
        return mine

    with ThreadPoolExecutor(4) as pool:
        won = dict(zip("abcd", pool.map(answer_all, "abcd"), strict=True))

    assert sorted(id_ for mine in won.values() for id_ in mine) == sorted(ids)
    for name, mine in won.items():
        for message_id in mine:
            assert client.get(f"/message/{message_id}")["answered_by"] == name
    rows = client.sql(
        "SELECT count(*), count(DISTINCT payload->>'message_id') FROM event "
        "WHERE kind = 'message_answered' AND payload->>'message_id' IN "
        f"({', '.join(map(repr, ids))})"
    )["rows"]
    assert rows == [[20, 20]]


def test_what_is_open_outlives_the_engine(own_home):
    client = Client(own_home, started_by="test")
    asker = client.start({"source": SOURCE, "run": False}).execution_id
    sent = client.post(f"/execution/{asker}/message", {"subject": "?", "body": BUTTONS})

    kill_engine(own_home)

    [found] = client.get("/message", is_open="true")
    assert found == sent
    named(client, "ada")(sent["message_id"], fail=True)
    kill_engine(own_home)
    with pytest.raises(NotOpen, match="ada was first"):
        named(client, "bob")(sent["message_id"], retry=True)
