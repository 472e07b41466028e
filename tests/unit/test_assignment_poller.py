"""A worker does what the engine's reply says, and waits if a reply has no news."""

from types import SimpleNamespace

import pytest

from flowkernel.worker.reporting.assignment_poller import ACTIONS, AssignmentPoller


class Link:
    """Replies what it got."""

    def __init__(self, **requests):
        actions = {action: [] for action in ACTIONS}
        self.reply = {**actions, "start": [], "stop": False, **requests}

    def poll(self, attempts, paused, more):
        return self.reply


class Session:
    is_paused = False
    attempt = 1

    def __init__(self):
        self.requests = []

    def __getattr__(self, action):
        return lambda *_arguments: self.requests.append(action)


class Stop:
    """The event that `stop` sets; a wait for it is counted."""

    def __init__(self):
        self.waits = 0

    def wait(self, seconds):
        self.waits += 1


def make_poller(**requests):
    poller = AssignmentPoller(Link(**requests), lambda assignment: None)
    poller._stop = Stop()
    poller.sessions["e"] = Session()
    return poller


def test_a_reply_that_repeats_is_followed_by_a_wait():
    poller = make_poller(pause=["e"])

    poller.poll()
    assert poller._stop.waits == 0
    poller.poll()
    poller.poll()

    assert poller._stop.waits == 2
    assert poller.sessions["e"].requests == ["pause", "pause", "pause"]


def test_a_release_that_repeats_is_followed_by_a_wait():
    poller = make_poller(release=["k"])
    releases = []
    poller.kept_kernels["k"] = SimpleNamespace(
        attempt=1, release_kernel=lambda: releases.append("k")
    )

    poller.poll()
    assert poller._stop.waits == 0
    poller.poll()

    assert (poller._stop.waits, releases) == (1, ["k", "k"])


def test_a_new_request_is_done_at_once():
    poller = make_poller(pause=["e"])
    poller.poll()

    poller.link.reply["cancel"] = ["e"]
    poller.poll()

    assert poller._stop.waits == 0


def test_an_empty_reply_needs_no_wait():
    poller = make_poller()

    poller.poll()
    poller.poll()

    assert poller._stop.waits == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_a_request_that_fails_keeps_no_other_from_its_run(action):
    poller = make_poller(**{action: ["broken", "e"]})

    def fail(*_arguments):
        raise RuntimeError("can't start new thread")

    broken = Session()
    setattr(broken, action, fail)
    poller.sessions = {"broken": broken, "e": poller.sessions["e"]}
    poller.poll()
    poller.poll()

    assert poller.sessions["e"].requests.count(action) == 2
    assert poller._stop.waits == 1


class Kernel:
    execution_id, attempt = "k", 2

    def __init__(self):
        self.reasons = []

    def release_kernel(self, *reasons):
        self.reasons.append(reasons)


@pytest.mark.parametrize("reply", [{"release": ["k"]}, {"stop": True}])
def test_a_kernel_is_released_as_the_engine_says(reply):
    poller, kernel = make_poller(), Kernel()
    poller.sessions["k"] = Session()
    poller.keep_kernel(kernel)
    polls = []
    poller.link.poll = lambda *arguments: polls.append(arguments) or poller.link.reply

    poller.poll()
    assert kernel.reasons == []
    poller.link.reply.update(reply)
    poller.poll()

    attempts, _, more = polls[-1]
    assert (attempts, more) == ({"e": 1}, {"kept": {"k": 2}})
    assert kernel.reasons == [()]


@pytest.mark.parametrize("error", [OSError("no file"), KeyError("cancel")])
def test_the_thread_that_polls_goes_on_after_any_error(error):
    """A person's own papermill has no other that hears of a cancel."""
    poller = make_poller()
    polls = []

    def poll():
        polls.append(1)
        if len(polls) == 3:
            poller._stop.is_set = lambda: True
        raise error

    poller.poll = poll
    poller._stop.is_set = lambda: False
    poller._poll_all()

    assert len(polls) == poller._stop.waits == 3
