"""The channels through which a worker receives what a kernel sends."""

import asyncio
from contextlib import contextmanager
from queue import Empty

import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session

from flowkernel.worker.eager_channel import EagerChannel


@contextmanager
def connected():
    """A channel, and a function that sends a text through it."""
    context = zmq.asyncio.Context()
    session = Session(key=b"secret")
    receiver = context.socket(zmq.PAIR)
    sender = zmq.Context(context).socket(zmq.PAIR)
    receiver.bind("inproc://channel")
    sender.connect("inproc://channel")
    try:
        yield (
            EagerChannel(receiver, session.clone()),
            lambda text: session.send(sender, "stream", {"text": text}),
        )
    finally:
        receiver.close(0)
        sender.close(0)
        context.term()


async def text_of(channel, seconds=None):
    return (await channel.get_msg(timeout=seconds))["content"]["text"]


def test_messages_that_are_there_are_taken_without_waiting():
    async def take_two():
        with connected() as (channel, send):
            send("first")
            send("second")
            for text in ("first", "second"):
                with pytest.raises(
                    StopIteration
                ) as end:  # It does not give up its turn.
                    text_of(channel).send(None)
                assert end.value.value == text

    asyncio.run(take_two())


def test_a_message_that_comes_later_is_waited_for():
    async def take_later():
        with connected() as (channel, send):
            asyncio.get_running_loop().call_later(0.01, send, "later")
            return await text_of(channel, 30)

    assert asyncio.run(take_later()) == "later"


def test_a_channel_that_stays_empty_says_so():
    async def take_none():
        with connected() as (channel, _send):
            await text_of(channel, 0)

    with pytest.raises(Empty):
        asyncio.run(take_none())
