"""One stream of the engine: its bytes as they come.

A connection of its own, in the event loop: to cancel it closes it at once, and who reads
slowly makes the engine wait.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from urllib.parse import urlsplit

from flowkernel.home import EngineFile
from flowkernel.server_extension.change_reader import StreamBroken

CONNECT_SECONDS = 5.0  #: How long it may take until the engine takes a connection.
#: A stream without a byte for so long is broken: the engine sends a comment every 5 s.
SILENT_SECONDS = 15.0
MAX_HEAD = 64 * 1024  #: Bytes of a line of the head of a response, inclusive.
MAX_CHUNK = (
    32 * 1024 * 1024
)  #: Bytes of a piece, inclusive: a frame is in a few of them.


async def open_stream(engine: EngineFile, path: str) -> AsyncGenerator[bytes, None]:
    """The pieces of a stream, without end.

    Args:
        path: With its query, behind `/api/latest`.

    Raises:
        OSError: The engine is not there.
        StreamBroken: It refuses, ends the stream, or is silent.
    """
    address = urlsplit(engine.url)
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(
            address.hostname, address.port, limit=MAX_HEAD
        )
    try:
        writer.write(_request(engine, path))
        await _read_head(reader)
        while piece := await _timely(_read_chunk(reader)):
            yield piece
        raise StreamBroken("the engine has ended the stream")
    except (asyncio.IncompleteReadError, ValueError) as error:
        raise StreamBroken(str(error)) from error
    finally:
        writer.transport.abort()


def _request(engine: EngineFile, path: str) -> bytes:
    lines = (
        f"GET /api/latest{path} HTTP/1.1",
        f"Host: {urlsplit(engine.url).netloc}",
        f"Authorization: Bearer {engine.token}",
        "Accept: text/event-stream",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")


async def _read_head(reader: asyncio.StreamReader) -> None:
    """Read up to the body; raises StreamBroken if the engine refuses."""
    status = await _timely(reader.readline())
    if status.split()[1:2] != [b"200"]:
        text = status.decode("latin-1").strip()
        raise StreamBroken(f"the engine answers {text!r}")
    while (await _timely(reader.readline())).strip():
        pass


async def _read_chunk(reader: asyncio.StreamReader) -> bytes:
    """One chunk of the body; empty: the last one."""
    size = int((await reader.readline()).split(b";")[0] or b"0", 16)
    if not 0 <= size <= MAX_CHUNK:
        raise StreamBroken(f"a chunk of {size:,} bytes")
    content = await reader.readexactly(size) if size else b""
    await reader.readline()
    return content


async def _timely(reading: Awaitable[bytes]) -> bytes:
    """What is read, if it comes in time."""
    try:
        async with asyncio.timeout(SILENT_SECONDS):
            return await reading
    except TimeoutError as error:
        raise StreamBroken(f"no byte for {SILENT_SECONDS:.0f} s") from error
