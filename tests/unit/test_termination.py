"""SIGTERM and Ctrl-C are taken while a run is started: they interrupt what can be cancelled."""

import os
import signal
import threading

import pytest

from flowkernel.cli.termination import (
    MAYBE_STARTED,
    NOTHING_STARTED,
    termination,
)
from flowkernel.worker.termination_signals import ended_by_signals


@pytest.fixture(autouse=True)
def hears_interrupts():
    """Whoever runs the tests in the background may ignore SIGINT."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_before_a_run_is_started_says_so():
    with (
        pytest.raises(KeyboardInterrupt, match=NOTHING_STARTED),
        termination(),
    ):
        interrupt()


def test_ctrl_c_while_a_run_is_started_waits_until_it_can_be_asked():
    with termination() as request:
        request.hold()
        interrupt()

        with pytest.raises(KeyboardInterrupt):
            request.interrupt()
        request.interrupt()  # Once alone.
        with pytest.raises(KeyboardInterrupt):
            interrupt()


def test_a_second_ctrl_c_does_not_wait():
    with termination() as request:
        request.hold()
        interrupt()
        with pytest.raises(KeyboardInterrupt, match=NOTHING_STARTED):
            interrupt()

        request.is_sent = True
        with pytest.raises(KeyboardInterrupt, match=MAYBE_STARTED[:40]):
            interrupt()


def test_while_the_engine_starts_ctrl_c_does_not_wait():
    with termination() as request:
        request.hold()
        with (
            pytest.raises(KeyboardInterrupt, match=NOTHING_STARTED),
            request.released(),
        ):
            interrupt()
        interrupt()  # It is held again.
        with (
            pytest.raises(KeyboardInterrupt, match=NOTHING_STARTED),
            request.released(),
        ):
            pytest.fail("It came before the engine was started.")


@pytest.mark.parametrize("send", [interrupt, terminate])
@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize("is_early", [False, True])
def test_while_an_engine_starts_each_signal_is_heard_at_once_and_says_what_is_known(
    send, is_sent, is_early
):
    """An engine that was killed may have recorded the run, which the next one starts."""
    sentence = MAYBE_STARTED if is_sent else NOTHING_STARTED
    with termination() as request:
        request.hold()
        request.is_sent = is_sent
        if is_early:
            send()
        with (
            pytest.raises(KeyboardInterrupt, match=sentence[:40]),
            request.released(),
        ):
            send()


def test_sigterm_before_the_run_is_started_is_heard_at_once():
    with (
        pytest.raises(KeyboardInterrupt, match=NOTHING_STARTED),
        termination(),
    ):
        terminate()


def test_a_second_sigterm_does_not_wait():
    with termination() as request:
        request.hold()
        terminate()
        with pytest.raises(KeyboardInterrupt, match=NOTHING_STARTED):
            terminate()


def test_ctrl_c_that_is_ignored_stays_ignored():
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with termination():
            interrupt()
    finally:
        signal.signal(signal.SIGINT, previous)


def test_it_waits_until_the_run_can_be_cancelled():
    with termination() as request:
        request.hold()
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
