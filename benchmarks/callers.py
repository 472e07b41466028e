"""Many callers of one engine, in one process that costs as little as it can.

64 threads with an HTTP library would need more of the interpreter than a fast engine does.
So there are 64 open connections, requests that are encoded before the clock starts, and one
loop that sends the next request on a connection once its response is there.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flowkernel.client.client import API
from flowkernel.core.clock import new_id
from flowkernel.home import EngineFile, Home

CREATED = b"HTTP/1.1 201"


def call(home: Home, bodies: list[dict[str, Any]], callers: int) -> dict[str, float]:
    """Post all bodies to `execution`, from another process: its `seconds` and `cpu`."""
    words = [sys.executable, "-m", "benchmarks.callers", str(home.path), str(callers)]
    process = subprocess.run(
        words,
        input=json.dumps(bodies),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    if process.returncode:
        raise RuntimeError(process.stderr[-2_000:])
    result: dict[str, float] = json.loads(process.stdout)
    return result


def requests(engine: EngineFile, bodies: list[dict[str, Any]]) -> Iterator[bytes]:
    """Each request as bytes, with an id made by the caller, as clients do."""
    for body in bodies:
        content = {"execution_id": new_id(), "started_by": "caller", **body}
        encoded = json.dumps(content).encode()
        head = (
            f"POST {API}/execution HTTP/1.1\r\nHost: {urlsplit(engine.url).netloc}\r\n"
            f"Authorization: Bearer {engine.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(encoded)}\r\n\r\n"
        )
        yield head.encode() + encoded


def is_complete(response: bytes) -> bool:
    """Whether a response is complete. Raises if it is not a 201."""
    head, separator, content = response.partition(b"\r\n\r\n")
    if not separator:
        return False
    if not head.startswith(CREATED):
        raise RuntimeError(response[:500].decode())
    return len(content) >= int(head.lower().split(b"content-length:")[1].split()[0])


def post_all(engine: EngineFile, ready: list[bytes], callers: int) -> None:
    """Send each request once; return when the last one has its response."""
    address = urlsplit(engine.url)
    waiting = iter(ready)
    with selectors.DefaultSelector() as selector:
        for first in (next(waiting) for _ in range(min(callers, len(ready)))):
            line = socket.create_connection((address.hostname or "", address.port or 0))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.sendall(first)
            selector.register(line, selectors.EVENT_READ, bytearray())
        while selector.get_map():
            for key, _ in selector.select():
                key.data.extend(received := key.fileobj.recv(65_536))  # type: ignore[union-attr]
                if not received:
                    raise RuntimeError("the engine closed a connection")
                if not is_complete(key.data):
                    continue
                key.data.clear()
                if following := next(waiting, None):
                    key.fileobj.sendall(following)  # type: ignore[union-attr]
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]


def main(path: str, callers: str) -> None:
    """Read the bodies, post them, print how long it took."""
    engine = EngineFile.read(Home(Path(path)))
    assert engine is not None, "the engine runs"
    ready = list(requests(engine, json.load(sys.stdin)))
    started, cpu_start = time.perf_counter(), time.process_time()
    post_all(engine, ready, int(callers))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_start
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
