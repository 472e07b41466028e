"""SIGTERM is taken while a run is started, and interrupts once it can be cancelled."""

import os
import signal
import threading

import pytest

from flowkernel.cli.termination import termination
from flowkernel.worker.termination_signals import ended_by_signals


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_it_waits_until_the_run_can_be_cancelled():
    with termination() as request:
        terminate()
        assert request.is_requested

        with pytest.raises(KeyboardInterrupt):
            request.interrupt()
        with pytest.raises(KeyboardInterrupt):  # From now on at once.
            terminate()


def test_a_run_that_can_be_cancelled_is_interrupted_at_once():
    with termination() as request:
        request.interrupt()
        with pytest.raises(KeyboardInterrupt):
            terminate()


@pytest.mark.parametrize("context", [termination, ended_by_signals])
def test_the_signal_is_as_before_afterwards(context):
    previous = signal.getsignal(signal.SIGTERM)

    with context():
        assert signal.getsignal(signal.SIGTERM) is not previous

    assert signal.getsignal(signal.SIGTERM) is previous


@pytest.mark.parametrize("context", [termination, ended_by_signals])
def test_a_thread_leaves_signals_alone(context):
    handlers = []

    def look():
        with context():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert handlers == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_arguments: None])
def test_a_program_that_handles_signals_itself_continues_to(handler):
    previous = signal.signal(signal.SIGTERM, handler)
    try:
        with ended_by_signals():
            assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, previous)
