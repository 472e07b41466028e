"""What a fork server tells the owner of a kernel, and in which order."""

import signal
import socket
import sys

import pytest

from flowkernel.kernels.fork_server.wire import WireConnection

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="there are no fork servers"
)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A fork server that has forked nothing."""
    from flowkernel.kernels.fork_server.server import ForkServer, listen

    monkeypatch.chdir(tmp_path)
    handler, listener = signal.getsignal(signal.SIGCHLD), listen(tmp_path / "s")
    settings = {"socket": str(tmp_path / "s"), "watched": [], "ready": 0}
    server = ForkServer(listener, settings, {}, None)
    yield server
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, handler)
    for end in (listener, server._wakeup, server._wakeup_writer, server._selector):
        end.close()


def test_why_a_kernel_refuses_comes_before_that_it_ended(server):
    """It ends at once: the server may hear of that before it reads why."""
    from flowkernel.kernels.fork_server.server import ForkedKernel

    (own, kernel_end), (owner, client_end) = socket.socketpair(), socket.socketpair()
    with own, kernel_end, owner, client_end:
        kernel = ForkedKernel(1, WireConnection(own), {}, WireConnection(owner))
        server._clients.add(kernel.owner)
        server._watch(own, lambda: None)
        WireConnection(kernel_end).send({"refused": "TypeError"})
        kernel_end.close()

        server._on_exit(kernel, 1)

        client = WireConnection(client_end)
        assert client.receive()[0] == {"refused": "TypeError"}
        assert client.receive()[0] == {"ended": 1}
