"""The kernel of a run while people may attach to it: when it cannot be opened to them."""

from types import SimpleNamespace

import psutil
import pytest

from flowkernel.worker.notebook import guest_kernel
from flowkernel.worker.notebook.guest_kernel import GuestKernel
from tests.records import an_execution


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel that lets guests in."""
    monkeypatch.setattr(GuestKernel, "run_silently", lambda _self, _source: "ok")
    client = SimpleNamespace(
        kc=SimpleNamespace(session=SimpleNamespace(session="s")),
        km=SimpleNamespace(
            provisioner=SimpleNamespace(pid=1), get_connection_info=dict
        ),
    )
    home = SimpleNamespace(path=tmp_path)
    link = SimpleNamespace(client=SimpleNamespace(home=home))
    session = SimpleNamespace(no_parking_reason=None, link=link)
    return GuestKernel(client, session, an_execution())


def test_a_kernel_that_lives_is_open(kernel):
    with kernel.opened() as is_open:
        assert is_open


@pytest.mark.parametrize(
    "error", [psutil.NoSuchProcess(1), psutil.AccessDenied(1), OSError(24, "no file")]
)
def test_a_kernel_that_ends_as_it_is_opened_is_not_open(kernel, monkeypatch, error):
    def fail(_pid=None):
        raise error

    monkeypatch.setattr(guest_kernel, "started_at", fail)

    with kernel.opened(has_ended=True) as is_open:
        assert not is_open
