"""Many callers of one engine, in one process that costs as little as it can.

64 threads with an HTTP library would take more of the interpreter than an engine that is
fast. So: 64 kept connections, requests that were written down before the clock starts,
and one loop that sends the next request on a connection once its answer is there.
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
    """Post all of them to `execution`, from another process: `seconds`, and its `cpu`."""
    words = [sys.executable, "-m", "benchmarks.callers", str(home.path), str(callers)]
    done = subprocess.run(
        words,
        input=json.dumps(bodies),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    told: dict[str, float] = json.loads(done.stdout)
    return told


def requests(engine: EngineFile, bodies: list[dict[str, Any]]) -> Iterator[bytes]:
    """Each as it goes over the wire, with an id made by the caller, as clients do."""
    for body in bodies:
        made = {"execution_id": new_id(), "started_by": "caller", **body}
        content = json.dumps(made).encode()
        head = (
            f"POST {API}/execution HTTP/1.1\r\nHost: {urlsplit(engine.url).netloc}\r\n"
            f"Authorization: Bearer {engine.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        yield head.encode() + content


def is_whole(answer: bytes) -> bool:
    """Whether an answer is there to its last byte. Raises if it is not a 201."""
    head, found, content = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    if not head.startswith(CREATED):
        raise RuntimeError(answer[:500].decode())
    return len(content) >= int(head.lower().split(b"content-length:")[1].split()[0])


def post_all(engine: EngineFile, ready: list[bytes], callers: int) -> None:
    """Send each once; come back when the last one is answered."""
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
                if not is_whole(key.data):
                    continue
                key.data.clear()
                if following := next(waiting, None):
                    key.fileobj.sendall(following)  # type: ignore[union-attr]
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]


def main(path: str, callers: str) -> None:
    """Read the bodies, post them, say how long it took."""
    engine = EngineFile.read(Home(Path(path)))
    assert engine is not None, "the engine runs"
    ready = list(requests(engine, json.load(sys.stdin)))
    begun, used = time.perf_counter(), time.process_time()
    post_all(engine, ready, int(callers))
    took, cpu = time.perf_counter() - begun, time.process_time() - used
    print(json.dumps({"seconds": took, "cpu": cpu}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
