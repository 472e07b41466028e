"""A worker does what the engine's reply says, and waits if a reply has no news."""

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
        return lambda: self.requests.append(action)


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
