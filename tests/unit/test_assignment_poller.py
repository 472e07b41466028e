"""A worker asks what to do, and does it once."""

from flowkernel.worker.reporting.assignment_poller import VERBS, AssignmentPoller


class Link:
    """Answers what it is given."""

    def __init__(self, **told):
        self.told = {**{verb: [] for verb in VERBS}, "start": [], "stop": False, **told}

    def poll(self, holding, paused):
        return self.told


class Run:
    is_paused = False

    def __init__(self):
        self.asked = []

    def __getattr__(self, verb):
        return lambda: self.asked.append(verb)


class Rests:
    """The event that `stop` sets, which is waited for as a rest."""

    def __init__(self):
        self.count = 0

    def wait(self, seconds):
        self.count += 1


def orders(**told):
    made = AssignmentPoller(Link(**told), lambda assignment: None)
    made._stop = Rests()
    made.runs["e"] = Run()
    return made


def test_what_is_asked_again_and_again_is_asked_with_a_rest_between():
    asking = orders(pause=["e"])

    asking.ask()
    assert asking._stop.count == 0
    asking.ask()
    asking.ask()

    assert asking._stop.count == 2
    assert asking.runs["e"].asked == ["pause", "pause", "pause"]


def test_something_new_is_done_at_once():
    asking = orders(pause=["e"])
    asking.ask()

    asking.link.told["cancel"] = ["e"]
    asking.ask()

    assert asking._stop.count == 0


def test_nothing_to_do_needs_no_rest():
    asking = orders()

    asking.ask()
    asking.ask()

    assert asking._stop.count == 0
