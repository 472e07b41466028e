"""Messages between a fork server and its clients: in any pieces, with files beside them."""

import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.kernels.fork_server.wire import MOST_FILES, WireConnection

#: Environments have text that is no Unicode: bytes, as Python takes them in.
text = st.text(st.characters() | st.characters(categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
)
messages = st.dictionaries(text, values)


@pytest.fixture
def pair():
    """Two ends of a line."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield WireConnection(ours), WireConnection(theirs)


@given(st.lists(messages, max_size=5), st.data())
def test_messages_arrive_as_they_were_sent_in_any_pieces(sent, data):
    stream = b"".join(json.dumps(message).encode() + b"\n" for message in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line, heard = WireConnection(theirs), []
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            ours.sendall(stream[start:end])
            if start < end:
                assert line.take_in()
            while line.has_message:
                heard.append(line.hear()[0])

        assert heard == sent


@given(messages)
def test_what_is_told_is_heard(message):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        WireConnection(ours).tell(message)

        assert WireConnection(theirs).hear() == (message, [])


def test_files_come_with_their_message(pair, tmp_path):
    ours, theirs = pair
    (tmp_path / "file").write_text("hello")
    with open(tmp_path / "file", "rb") as file:
        ours.tell({"take": 1}, (file.fileno(),) * MOST_FILES)
    ours.tell({"about": True})

    message, files = theirs.hear()

    assert (message, len(files)) == ({"take": 1}, MOST_FILES)
    assert os.read(files[1], 10) == b"hello"
    assert not any(os.get_inheritable(file) for file in files)
    for file in files:
        os.close(file)
    assert theirs.hear() == ({"about": True}, [])


def test_a_message_longer_than_a_socket_takes_at_once(pair):
    from threading import Thread

    ours, theirs = pair
    message = {"environ": {"LONG": "x" * 5_000_000}}
    thread = Thread(target=ours.tell, args=(message,))
    thread.start()

    assert theirs.hear() == (message, [])
    thread.join()


@pytest.mark.parametrize("rest", [b"", b'{"half": '])
def test_the_end_of_the_other_end_is_none(pair, rest):
    ours, theirs = pair
    ours.socket.sendall(rest)
    ours.close()

    assert theirs.has_news(0)
    assert theirs.hear() == (None, [])


def test_files_that_nobody_asked_for_are_closed(pair):
    ours, theirs = pair
    hear, tell = os.pipe()
    socket.send_fds(ours.socket, [b'{"half": '], [tell])
    os.close(tell)
    assert theirs.take_in()

    theirs.close()

    assert os.read(hear, 1) == b""  # Nobody can write to it any more.
    os.close(hear)


@pytest.mark.parametrize(
    "words", [b"GET / HTTP/1.1\n", b"[]\n", b"\xff\n", b"5\n", b"\n"]
)
def test_what_is_no_message_is_refused(pair, words):
    ours, theirs = pair
    ours.socket.sendall(words)

    with pytest.raises(ValueError):
        theirs.hear()


def test_nothing_is_no_news(pair):
    _, theirs = pair

    assert not theirs.has_news(0)
