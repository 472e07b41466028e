"""Messages between a fork server and its clients: in any pieces, with open files."""

import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.kernels.fork_server.wire import MAX_FILES, WireConnection

#: Environment variables may have text that is not Unicode: bytes, as Python reads them.
text = st.text(st.characters() | st.characters(categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5)
    ),
    max_leaves=10,
)
messages = st.dictionaries(text, values, max_size=5)


@pytest.fixture
def pair():
    """The two ends of a connection."""
    sender, receiver = socket.socketpair()
    with sender, receiver:
        yield WireConnection(sender), WireConnection(receiver)


@given(st.lists(messages, max_size=5), st.data())
def test_messages_arrive_as_they_were_sent_in_any_pieces(expected, data):
    stream = b"".join(json.dumps(message).encode() + b"\n" for message in expected)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    sender, receiver = socket.socketpair()
    with sender, receiver:
        wire, received = WireConnection(receiver), []
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            sender.sendall(stream[start:end])
            if start < end:
                assert wire.read_available()
            while wire.has_message:
                received.append(wire.receive()[0])

        assert received == expected


@given(messages)
def test_a_message_is_received_as_it_was_sent(message):
    sender, receiver = socket.socketpair()
    with sender, receiver:
        WireConnection(sender).send(message)

        assert WireConnection(receiver).receive() == (message, [])


def test_files_come_with_their_message(pair, tmp_path):
    sender, receiver = pair
    (tmp_path / "file").write_text("hello")
    with open(tmp_path / "file", "rb") as file:
        sender.send({"take": 1}, (file.fileno(),) * MAX_FILES)
    sender.send({"about": True})

    message, files = receiver.receive()

    assert (message, len(files)) == ({"take": 1}, MAX_FILES)
    assert os.read(files[1], 10) == b"hello"
    assert not any(os.get_inheritable(file) for file in files)
    for file in files:
        os.close(file)
    assert receiver.receive() == ({"about": True}, [])


def test_a_message_longer_than_a_socket_takes_at_once(pair):
    from threading import Thread

    sender, receiver = pair
    message = {"environ": {"LONG": "x" * 5_000_000}}
    thread = Thread(target=sender.send, args=(message,))
    thread.start()

    assert receiver.receive() == (message, [])
    thread.join()


@pytest.mark.parametrize("half", [b"", b'{"half": '])
def test_a_closed_connection_gives_none(pair, half):
    sender, receiver = pair
    sender.socket.sendall(half)
    sender.close()

    assert receiver.has_input(0)
    assert receiver.receive() == (None, [])


def test_files_that_were_not_received_are_closed(pair):
    sender, receiver = pair
    reader, writer = os.pipe()
    socket.send_fds(sender.socket, [b'{"half": '], [writer])
    os.close(writer)
    assert receiver.read_available()

    receiver.close()

    assert os.read(reader, 1) == b""  # No writer is left.
    os.close(reader)


@pytest.mark.parametrize(
    "words", [b"GET / HTTP/1.1\n", b"[]\n", b"\xff\n", b"5\n", b"\n"]
)
def test_what_is_no_message_is_refused(pair, words):
    sender, receiver = pair
    sender.socket.sendall(words)

    with pytest.raises(ValueError, match=r"not a message|Expecting|decode"):
        receiver.receive()


def test_without_a_message_there_is_no_input(pair):
    _, receiver = pair

    assert not receiver.has_input(0)
