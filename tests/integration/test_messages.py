"""Messages over REST: each is answered once, by the first person."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from flowkernel.cli.completion import complete_button
from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import (
    BadAnswer,
    BadArgument,
    BadForm,
    MessageNotFound,
    NotOpen,
)
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
    """An execution that can send messages; no worker runs it."""
    return client.start({"source": SOURCE, "run": False}).execution_id


@pytest.fixture
def send(client, asker):
    def send(**fields):
        request = {"subject": "What now?", "body": BUTTONS, **fields}
        return client.post(f"/execution/{asker}/message", request)

    return send


def answer_as(client, name):
    person_client = Client(client.home, started_by=f"{name} (Python)")
    return lambda id_, **response: person_client.answer(
        id_, response, answered_from="notebook"
    )


def test_an_answer_has_a_person_and_a_place(client, send):
    message = send()
    assert (message["status"], message["response"]) == ("OPEN", None)

    record = answer_as(client, "ada")(message["message_id"], retry=True, note="again")

    assert record["response"] == {"note": "again", "retry": True}
    assert (record["status"], record["answered_by"], record["answered_from"]) == (
        "ANSWERED",
        "ada",
        "notebook",
    )
    assert client.get(f"/message/{message['message_id']}") == record


def test_the_error_of_a_second_answer_has_the_first_one(client, send):
    message = send()
    answer_as(client, "ada")(message["message_id"], retry=True)

    with pytest.raises(
        NotOpen,
        match=r"ada has already answered, at [-0-9: ]{19} from notebook: Retry\.",
    ):
        answer_as(client, "bob")(message["message_id"], fail=True)

    assert client.get(f"/message/{message['message_id']}")["response"] == {
        "retry": True
    }


def test_an_answer_that_is_sent_again_is_the_same_answer(client, send):
    message = send()
    body = {"answer_id": new_id(), "response": {"retry": True}, "answered_by": "ada"}

    first, second = (
        client.post(f"/message/{message['message_id']}/answer", body) for _ in range(2)
    )

    assert first == second


def test_after_a_wrong_answer_it_stays_open(client, send):
    message = send()

    with pytest.raises(BadAnswer, match="one of: retry, fail"):
        answer_as(client, "ada")(message["message_id"], note="no button")

    assert [m["message_id"] for m in client.get("/message", is_open="true")] == [
        message["message_id"]
    ]
    answer_as(client, "ada")(message["message_id"], fail=True)


def test_a_wrong_form_is_refused(send, client):
    count = len(client.get("/message"))

    with pytest.raises(BadForm, match="slider"):
        send(body={"properties": {"x": {"element": "slider"}}})

    assert len(client.get("/message")) == count


def test_a_message_is_closed_with_its_execution(client, asker, send):
    message = send()

    client.act(asker, "cancel")

    record = client.get(f"/message/{message['message_id']}")
    assert (record["status"], record["closed_why"]) == (
        "CLOSED",
        "Its run ended before there was an answer.",
    )
    with pytest.raises(NotOpen, match=r"is closed\. Its run ended"):
        answer_as(client, "ada")(message["message_id"], retry=True)


def test_an_answer_that_comes_too_late_is_refused(client, send):
    message = send(timeout=0)

    with pytest.raises(NotOpen, match="Nobody answered in time"):
        answer_as(client, "ada")(message["message_id"], retry=True)

    assert client.get(f"/message/{message['message_id']}")["status"] == "TIMED_OUT"


def test_a_note_cannot_be_answered(client, send):
    message = send(body=None, message="just so", wait=False)

    with pytest.raises(NotOpen, match="is a note"):
        answer_as(client, "ada")(message["message_id"])


def test_it_is_found_by_the_end_of_an_id(client, asker, send):
    message = send()

    for part in (message["message_id"][-8:], asker[-8:], asker):
        assert client.get(f"/message/{part}")["message_id"] == message["message_id"]
    other = send()
    with pytest.raises(BadArgument, match=f"can mean .*{other['message_id']}"):
        client.get(f"/message/{asker}")
    answer_as(client, "ada")(other["message_id"], retry=True)
    answer_as(client, "ada")(asker, retry=True)
    with pytest.raises(NotOpen, match="ada has already answered"):
        answer_as(client, "bob")(asker, fail=True)
    with pytest.raises(MessageNotFound):
        client.get("/message/nothing-like-it")


@pytest.fixture
def family(client):
    """The ids of a root, its child and the child of that."""
    ids = []
    for _ in range(3):
        source = {"source": SOURCE, "run": False, "call_key": "c"}
        parent = {"parent_id": ids[-1]} if ids else {}
        ids.append(client.start({**source, **parent}).execution_id)
    return ids


def ask_from(client, execution_id, subject):
    request = {"subject": subject, "body": BUTTONS}
    return client.post(f"/execution/{execution_id}/message", request)["message_id"]


def test_it_is_found_by_every_run_that_waits_for_it(client, family):
    message_id = ask_from(client, family[-1], "load failed")

    for execution_id in (*family, family[0][:18], family[1][-8:]):
        assert client.get(f"/message/{execution_id}")["message_id"] == message_id
    record = answer_as(client, "ada")(family[0], retry=True)
    assert (record["message_id"], record["status"]) == (message_id, "ANSWERED")


def test_of_several_in_a_family_all_are_named_and_the_own_one_comes_first(
    client, family
):
    below = [ask_from(client, family[-1], f"part {n} failed") for n in range(2)]

    with pytest.raises(BadArgument) as caught:
        client.get(f"/message/{family[0]}")
    own = ask_from(client, family[0], "Which day?")

    for n, message_id in enumerate(below):
        assert f"{message_id} ('part {n} failed')" in str(caught.value)
    assert client.get(f"/message/{family[0]}")["message_id"] == own


def test_an_answer_by_a_run_is_for_the_message_that_was_shown_for_it(client, family):
    ada, root = answer_as(client, "ada"), family[0]
    first = ask_from(client, family[-1], "load failed")
    assert client.get(f"/message/{root}")["message_id"] == first
    ada(first, retry=True)
    second = ask_from(client, family[1], "save failed")

    with pytest.raises(NotOpen, match=r"another message has opened .* 'save failed'"):
        ada(root, fail=True)

    with pytest.raises(NotOpen):  # However often it is sent: she has not seen it.
        ada(root, fail=True)
    assert client.get(f"/message/{second}")["status"] == "OPEN"
    assert client.get(f"/message/{root}")["shown_before"]
    assert ada(root, fail=True)["message_id"] == second


def test_a_shell_that_completes_its_buttons_has_shown_nothing(client, family):
    first = ask_from(client, family[-1], "load failed")
    assert client.get(f"/message/{family[0]}")["message_id"] == first
    answer_as(client, "ada")(first, retry=True)
    ask_from(client, family[1], "save failed")

    assert complete_button(family[0], "re") == [("retry", "Retry")]
    assert complete_button(family[0], "x") == complete_button("none", "") == []
    with pytest.raises(NotOpen, match="another message has opened"):
        answer_as(client, "ada")(family[0], fail=True)


def test_who_looks_again_sees_that_it_is_another_message(client, family):
    root = family[0]
    first = ask_from(client, family[-1], "load failed")
    assert "shown_before" not in client.get(f"/message/{root}")
    answer_as(client, "ada")(first, retry=True)
    ask_from(client, family[1], "save failed")

    for _ in range(2):  # A command that answers only reads it.
        record = client.get(f"/message/{root}", is_shown="false")
        assert record["shown_before"] == first
    assert client.get(f"/message/{root}")["shown_before"] == first
    assert "shown_before" not in client.get(f"/message/{root}")


def test_a_part_of_an_id_that_several_messages_have_names_them(client, send):
    first, second = (send()["message_id"] for _ in range(2))
    common = next(first[:n] for n in range(36, 0, -1) if second.startswith(first[:n]))

    with pytest.raises(BadArgument, match=f"{common!r} can mean ") as caught:
        client.get(f"/message/{common}")

    for message_id in (first, second):
        assert f"{message_id} ('What now?')" in str(caught.value)
        assert client.get(f"/message/{message_id[:18]}")["message_id"] == message_id


def test_a_password_is_in_no_record(client, asker, send):
    body = {"properties": {"word": {"element": "password"}}}
    message = send(body=body)

    record = answer_as(client, "ada")(message["message_id"], word="s3cret", ok=True)

    assert record["response"] == {"word": "(hidden)", "ok": True}
    request = {"message": message["message_id"], "is_flow": True, "seconds": 0}
    reply = client.post(f"/execution/{asker}/wait", request)
    assert reply["message"]["response"] == {"word": "s3cret", "ok": True}
    rows = client.sql("SELECT * FROM event")["rows"]
    rows += client.sql("SELECT * FROM message")["rows"]
    assert "s3cret" not in str(rows)
    files = [p for p in client.home.path.rglob("*") if p.is_file()]
    assert not any(b"s3cret" in path.read_bytes() for path in files)


def test_twenty_messages_are_each_answered_once_by_four_people(client, send):
    ids = [send()["message_id"] for _ in range(20)]

    def answer_all(name):
        own_ids, order = [], Random(name).sample(ids, len(ids))
        for message_id in order:
            try:
                answer_as(client, name)(message_id, retry=True)
                own_ids.append(message_id)
            except NotOpen:
                pass
        return own_ids

    with ThreadPoolExecutor(4) as pool:
        own_ids = dict(zip("abcd", pool.map(answer_all, "abcd"), strict=True))

    assert sorted(
        id_ for message_ids in own_ids.values() for id_ in message_ids
    ) == sorted(ids)
    for name, message_ids in own_ids.items():
        for message_id in message_ids:
            assert client.get(f"/message/{message_id}")["answered_by"] == name
    rows = client.sql(
        "SELECT count(*), count(DISTINCT payload->>'message_id') FROM event "
        "WHERE kind = 'message_answered' AND payload->>'message_id' IN "
        f"({', '.join(map(repr, ids))})"
    )["rows"]
    assert rows == [[20, 20]]


@pytest.mark.kernel
def test_an_open_message_survives_the_engine(own_home):
    client = Client(own_home, started_by="test")
    asker = client.start({"source": SOURCE, "run": False}).execution_id
    message = client.post(
        f"/execution/{asker}/message", {"subject": "?", "body": BUTTONS}
    )

    kill_engine(own_home)

    [record] = client.get("/message", is_open="true")
    assert record == message
    answer_as(client, "ada")(message["message_id"], fail=True)
    kill_engine(own_home)
    with pytest.raises(NotOpen, match="ada has already answered"):
        answer_as(client, "bob")(message["message_id"], retry=True)


@pytest.mark.kernel
def test_a_message_that_outlives_its_run_survives_the_engine(own_home):
    client = Client(own_home, started_by="test")
    asker = client.start({"source": SOURCE, "run": False}).execution_id
    fields = {"subject": "?", "body": BUTTONS, "outlives": True}
    message = client.post(f"/execution/{asker}/message", fields)
    client.act(asker, "cancel")
    ended = client.get_execution(asker)

    kill_engine(own_home)

    assert client.get("/message", is_open="true") == [message]
    record = answer_as(client, "ada")(asker, fail=True)
    assert (record["status"], client.get_execution(asker)) == ("ANSWERED", ended)
    kill_engine(own_home)
    assert client.get("/message", is_open="true") == []
    assert client.get(f"/message/{message['message_id']}") == record
