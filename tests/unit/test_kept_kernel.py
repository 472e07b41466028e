"""A kernel that is kept after the end of its run: until it is released, or ends by itself."""

import threading
from types import SimpleNamespace

import pytest

from flowkernel.core.models import EventKind
from flowkernel.worker.reporting import kept_kernel
from flowkernel.worker.reporting.kept_kernel import KeptKernel
from tests.conftest import until


class Session(SimpleNamespace):
    """What a kept kernel needs of the session of its run."""

    @property
    def is_kernel_alive(self):
        return self.find_alive()


class Kept:
    """A kernel that a thread keeps, with what is reported of it."""

    def __init__(self):
        self.reports, self.checks, self.is_alive = [], [], True
        session = Session(
            execution_id="e",
            attempt=1,
            report=lambda kind, **payload: self.reports.append((kind, payload)),
        )
        session.find_alive = lambda: self.is_alive
        self.kernel = KeptKernel(session)
        self.thread = threading.Thread(
            target=self.kernel.wait, args=(lambda: self.checks.append(1),)
        )
        self.thread.start()

    def is_over(self):
        self.thread.join(10)
        return not self.thread.is_alive()


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(kept_kernel, "CHECK_SECONDS", 0.01)
    kept = Kept()
    yield kept
    kept.kernel.release_kernel()
    assert kept.is_over()


def test_it_is_kept_until_it_is_released(kept):
    until(lambda: kept.checks)

    kept.kernel.release_kernel()

    assert kept.is_over()
    assert kept.reports == []


def test_a_limit_is_reported_once(kept):
    kept.kernel.release_kernel("Too many.")
    kept.kernel.release_kernel("Too old.")

    assert kept.is_over()
    assert kept.reports == [(EventKind.KERNEL_LOST, {"why": "Too many."})]


def test_a_kernel_that_ends_by_itself_is_kept_no_longer(kept):
    kept.is_alive = False

    assert kept.is_over()
    assert kept.reports == [(EventKind.KERNEL_LOST, {"why": "Its kernel ended."})]
