"""Waits for people are right after any events in any order.

What a run should have waited is counted here second by second: those in which it was running,
and it, or something under it, was asked. Nothing here knows of spans or counts.
"""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowkernel.core.clock import new_id
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus
from tests.run_family import Family, check_numbers, light_tree
from tests.run_family import record as record

K = EventKind
S = ExecutionStatus
HELD = (S.RUNNING, S.WAITING, S.PAUSED)
#: What can happen; what is not possible just then does not.
STEPS = (
    *("add", "ask", "answer", "close", "resume", "pause", "fail", "prompt", "decide"),
    *("lose", "lose_kernel", "start", "end", "cancel", "adopt"),
)


@dataclass
class Question:
    """A message, or a pause: whom it asks, and who has to be there for it."""

    asked: str
    sender: str
    message_id: str


class Chronicle:
    """A family, and what each run of it should have waited."""

    def __init__(self, store):
        self.family = Family(store)
        self.store = store
        self.ids = list(self.family.line)
        self.open: list[Question] = []
        self.expected = dict.fromkeys(self.ids, 0)
        self.counted_to = self.family.moment

    def get(self, id_):
        return self.store.get_execution(id_)

    # -- what should be ------------------------------------------------------------------

    def is_asked(self, id_):
        execution = self.get(id_)
        if execution.status.is_ended:
            return False
        if execution.status is S.PAUSED and execution.failure is None:
            return True
        is_waiting = execution.status is S.WAITING or execution.is_failed
        return is_waiting and any(question.asked == id_ for question in self.open)

    def above(self, id_):
        line = {id_}
        while (id_ := self.get(id_).current_parent_id) is not None:
            line.add(id_)
        return line

    def count(self):
        """Count the seconds since the last event."""
        seconds = (self.family.moment - self.counted_to).total_seconds()
        waiting = set().union(*(self.above(i) for i in self.ids if self.is_asked(i)))
        for id_ in waiting:
            execution = self.get(id_)
            if execution.started_at is not None and not execution.status.is_ended:
                self.expected[id_] += seconds
        self.counted_to = self.family.moment

    # -- what happens --------------------------------------------------------------------

    def record(self, id_, kind, /, **payload):
        self.family.moment -= timedelta(seconds=1)  # `record` adds it.
        self.family.record(id_, kind, **payload)
        execution = self.get(id_)
        stays = execution.status in (S.WAITING, S.PAUSED)
        if kind in (K.RESUMED, K.LOST, K.ENDED, K.DECIDED, K.FAILED) or not stays:
            self.open = [q for q in self.open if not self._is_over(q, id_, kind)]

    def _is_over(self, question, id_, kind):
        if kind is K.ENDED and question.sender == id_:
            return True
        is_own = question.asked == question.sender == id_
        return is_own or (question.asked == id_ and kind is not K.LOST)

    def step(self, name, number, other, seconds):
        self.family.moment += timedelta(seconds=seconds)
        self.count()
        id_, second = (self.ids[n % len(self.ids)] for n in (number, other))
        getattr(self, f"do_{name}")(id_, second)

    def do_add(self, id_, _other):
        if self.get(id_).status in (S.RUNNING, S.WAITING):
            self.family.moment -= timedelta(seconds=2)
            child = self.family.add(id_)
            self.ids.append(child)
            self.expected[child] = 0

    def send(self, sender, about=None):
        message_id = new_id()
        message = {"message_id": message_id, "subject": "?", "message_type": "INFO"}
        body = {"properties": {}}
        self.record(sender, K.MESSAGE_SENT, **message, body=body, about_id=about)
        return message_id

    def do_ask(self, id_, _other):
        if self.get(id_).status is S.RUNNING:
            message_id = self.send(id_)
            self.record(id_, K.WAITING, on="...", message_id=message_id)
            self.open.append(Question(id_, id_, message_id))

    def do_prompt(self, id_, _other):
        failed = self.get(id_)
        if failed.is_failed and not any(q.asked == id_ for q in self.open):
            sender = failed.current_parent_id
            if sender is not None and not self.get(sender).status.is_ended:
                message_id = self.send(sender, about=id_)
                self.open.append(Question(id_, sender, message_id))

    def take(self, id_):
        for question in self.open:
            if question.asked == id_ and not self.get(question.sender).status.is_ended:
                self.open.remove(question)
                return question
        return None

    def do_answer(self, id_, _other):
        if question := self.take(id_):
            answer = {"message_id": question.message_id, "response": {}}
            self.record(question.sender, K.MESSAGE_ANSWERED, **answer)

    def do_close(self, id_, _other):
        if question := self.take(id_):
            closed = {"message_id": question.message_id, "status": "TIMED_OUT"}
            self.record(question.sender, K.MESSAGE_CLOSED, **closed, why="Too late.")

    def do_resume(self, id_, _other):
        execution = self.get(id_)
        has_kernel = execution.status in (S.WAITING, S.PAUSED)
        if has_kernel and not execution.is_failed and execution.started_at is not None:
            self.record(id_, K.RESUMED)

    def do_pause(self, id_, _other):
        if self.get(id_).status in (S.RUNNING, S.WAITING):
            self.record(id_, K.REQUESTED, what="pause")
            self.open = [q for q in self.open if q.asked != id_]
            self.record(id_, K.PAUSED)

    def do_fail(self, id_, _other):
        if self.get(id_).status is S.RUNNING:
            failed = {"status_message": "no", "failure": {"cell_id": "c"}}
            self.record(id_, K.FAILED, **failed, is_parked=True)

    def do_decide(self, id_, _other):
        if self.get(id_).is_failed and self.get(id_).parked_at is not None:
            self.record(id_, K.DECIDED, verb="skip", decided_by="ada")

    def do_lose(self, id_, _other):
        execution = self.get(id_)
        if execution.status in HELD and execution.failure is None:
            self.record(id_, K.LOST, worker="w")
            self.expected[id_] = 0

    def do_lose_kernel(self, id_, _other):
        execution = self.get(id_)
        if execution.status is S.PAUSED and execution.failure is not None:
            self.record(id_, K.KERNEL_LOST, why="It ended.")

    def do_start(self, id_, _other):
        if self.get(id_).status is S.QUEUED:
            self.record(id_, K.STARTED, worker="w")

    def do_end(self, id_, _other):
        if not self.get(id_).status.is_ended:
            self.record(id_, K.ENDED, status="ENDED_ERROR")

    def do_cancel(self, id_, _other):
        for each in self.ids:
            is_live = not self.get(each).status.is_ended
            if is_live and id_ in self.above(each):
                self.record(each, K.ENDED, status="ENDED_CANCELLED")

    def do_adopt(self, id_, other):
        is_child = self.get(id_).parent_id is not None
        is_live = not self.get(other).status.is_ended
        if is_child and is_live and id_ not in self.above(other):
            former = self.get(id_).current_parent_id
            new = {"parent_id": other, "root_id": self.family.root, "call_key": "c"}
            self.record(id_, K.ADOPTED, **new, former_parent_id=former)

    # -- the promise ---------------------------------------------------------------------

    def check(self):
        self.count()
        for id_ in self.ids:
            execution = self.get(id_)
            waits = execution.answer_seconds
            if execution.waiting_since is not None and execution.started_at is not None:
                start = max(execution.waiting_since, execution.started_at)
                waits += (self.family.moment - start).total_seconds()
            assert waits == self.expected[id_]
            if execution.duration is not None:
                both = execution.work_seconds + execution.answer_seconds
                assert both == execution.duration


NUMBERS = st.integers(0, 4)
STORY = st.lists(
    st.tuples(st.sampled_from(STEPS), NUMBERS, NUMBERS, st.integers(0, 9)),
    min_size=15,
    max_size=30,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORY, st.integers(0, 15))
def test_each_moment_counts_once_after_any_events(record, story, place):
    """`place`: when somebody begins to follow the tree, who sees the same numbers."""
    chronicle = Chronicle(record)
    follower, seen = None, 0
    for number, step in enumerate(story):
        if number == place:
            record.flush()
            follower = light_tree(record, chronicle.family.root)
            seen = len(chronicle.family.events)
        chronicle.step(*step)
        chronicle.check()

    events = chronicle.family.events[seen:]
    trees = [follower] if follower and _follows(follower, events) else []
    check_numbers(record, chronicle.family.root, trees)


def _follows(tree, events):
    """Whether a client can follow these: one that read a failure reads the tree again."""
    try:
        for event in events:
            tree.apply(event)
    except MoveNotAllowed:
        return False
    return True
