"""Nothing acknowledged is undone, however late the engine hears of what is recorded.

Workers vanish, come back and speak twice; flows call, wait, set their output and ask people;
people cancel, pause, resume, retry and answer; and each request can stand still before each of
its writes while others go on. After a change, set `FLOWKERNEL_STEPS` to 20,000.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from flowkernel.core.clock import new_id
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind, RequestedAction
from flowkernel.core.projection import target_of
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.worker_report import WorkerReport
from flowkernel.engine.caller_checks import is_over
from flowkernel.engine.callers import ExecutionCaller
from flowkernel.engine.dispatch.wait_registry import WaitMark
from flowkernel.engine.dispatch.wait_requests import WaitRequest
from flowkernel.engine.dispatch.worker_reports import accept
from flowkernel.engine.prompts.inbox import MessageAnswer, MessageRequest
from flowkernel.engine.start_plan import StartRequest
from flowkernel.store import Commit
from tests.integration.late_engine import SLOTS, LateEngine, SteppedCall

S = ExecutionStatus
K = EventKind
A = RequestedAction
#: Steps in all; `FLOWKERNEL_STEPS` sets another number.
STEPS = int(os.environ.get("FLOWKERNEL_STEPS", "2000"))
STEPS_OF_EXAMPLE = 60
#: A number that selects an item, whatever the number of items.
NUMBER = st.integers(0, 59)
KEYS = ("first", "second")
WORKERS = ("worker-a", "worker-b")
#: It is of a version that says no attempts.
OLD_WORKER = "worker-b"


@dataclass(eq=False)
class Kernel:
    """The kernel of one attempt of an execution, in a worker."""

    execution_id: str
    attempt: int
    worker_id: str
    children: list[str] = field(default_factory=list)
    #: The request to wait that is held open, and what it waits for.
    waiting: Any = None
    targets: list[str] = field(default_factory=list)
    request: WaitRequest | None = None
    process: str = field(default_factory=new_id)
    waits: int = 0
    is_paused: bool = False
    is_cancelled: bool = False

    @property
    def caller(self) -> ExecutionCaller:
        return ExecutionCaller(self.execution_id, self.attempt)

    @property
    def said_attempt(self) -> int | None:
        """The attempt as its worker says it."""
        return None if self.worker_id == OLD_WORKER else self.attempt

    @property
    def is_free(self) -> bool:
        return self.waiting is None and not self.is_paused


@dataclass(eq=False)
class Request:
    """A request under way."""

    call: SteppedCall
    acknowledge: Callable[[Any], None]
    kernel: Kernel | None = None  #: Who sends it.


class Record:
    """What is on disk, event by event."""

    def __init__(self) -> None:
        self.status: dict[str, S] = {}
        self.parent: dict[str, str | None] = {}  #: Whose child it is now.
        self.retry_of: dict[str, str | None] = {}
        self.calls: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.answers: defaultdict[str, int] = defaultdict(int)
        self.outliving: set[str] = (
            set()
        )  #: Unanswered messages that outlive their senders.
        self.twice: list[str] = []  #: What was started though the call had a child.
        self.attempts: dict[str, int] = {}
        #: Which attempt each event is of, by its id, if a kernel reported it.
        self.reported: dict[str, int] = {}
        #: Events of attempts that were over when they were recorded.
        self.outdated: list[str] = []

    def follow(self, commit: Commit) -> None:
        for event in commit.events:
            payload, id_ = event.payload, event.execution_id
            attempt = self.attempts.setdefault(id_, 1)
            if self.reported.get(event.event_id, attempt) != attempt:
                self.outdated.append(event.event_id)
            if event.kind is K.LOST:
                self.attempts[id_] += 1
            if event.kind is K.CREATED:
                self.retry_of[id_] = payload["retry_of"]
                self.parent[id_] = payload["parent_id"]
                if payload["parent_id"] and payload["call_key"]:
                    self._add_child(id_, payload["parent_id"], payload["call_key"])
                self.status[id_] = S(payload["status"])
            elif event.kind is K.ADOPTED:
                self.parent[id_] = payload["parent_id"]
                self.calls[payload["parent_id"], payload["call_key"]].append(id_)
            elif event.kind is K.MESSAGE_SENT and payload["outlives"]:
                self.outliving.add(payload["message_id"])
            elif event.kind is K.MESSAGE_ANSWERED:
                self.answers[payload["message_id"]] += 1
                self.outliving.discard(payload["message_id"])
            elif (target := target_of(event)) is not None:
                self.status[id_] = target

    def _add_child(self, child_id: str, parent_id: str, call_key: str) -> None:
        for try_id in self.tries(parent_id):
            for other in self.calls[try_id, call_key]:
                is_own = try_id == parent_id
                status = self.status[other]
                if status is S.ENDED_SUCCESS or (is_own and not status.is_ended):
                    self.twice.append(child_id)
        self.calls[parent_id, call_key].append(child_id)

    def under(self, top_id: str) -> set[str]:
        """What is under it now, however far."""
        return {id_ for id_ in self.parent if top_id in self._line_above(id_)}

    def _line_above(self, execution_id: str) -> list[str]:
        line = []
        parent_id = self.parent[execution_id]
        while parent_id is not None:
            assert parent_id not in line, "it is under itself"
            line.append(parent_id)
            parent_id = self.parent[parent_id]
        return line

    def tries(self, execution_id: str | None) -> list[str]:
        tries = []
        while execution_id is not None:
            tries.append(execution_id)
            execution_id = self.retry_of[execution_id]
        return tries


class LateCommits(RuleBasedStateMachine):
    """See the top of this module."""

    @initialize()
    def begin(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.record = Record()
        self.engine = LateEngine(Path(self._folder.name))
        self.engine.store.follow(self.record.follow)
        self.requests: list[Request] = []
        self.kernels: list[Kernel] = []
        self.reports: list[tuple[str, WorkerReport]] = []
        self.messages: list[str] = []
        self.cancelled: set[str] = set()
        self.outputs: defaultdict[str, set[str]] = defaultdict(set)
        self.answered: list[str] = []
        self.source, self.sources = "1", 1
        self.start(1)
        self.go_round()

    @rule()
    def go_round(self) -> None:
        """All goes as it should for a while."""
        self.engine.settle()
        for worker_id in WORKERS:
            self.poll(worker_id, 1)
        self.engine.settle()
        for worker_id in WORKERS:
            self.poll(worker_id, 1)

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            try:
                self.settle()
            finally:
                for request in self.requests:
                    while not request.call.is_over:
                        request.call.go_on()
                self.engine.close()
                self._folder.cleanup()

    # -- requests --------------------------------------------------------------------------

    def send(
        self,
        number: int,
        call: Callable[[], Any],
        acknowledge: Callable[[Any], None] = lambda _value: None,
        kernel: Kernel | None = None,
    ) -> None:
        """A request comes in. By the number it is carried out, and heard, or stands still."""
        request = Request(SteppedCall("a request", call), acknowledge, kernel)
        self.requests.append(request)
        while number % 3 and not request.call.is_over:
            self.step(request)
        if number % 4 == 1:
            self.engine.settle()

    @precondition(lambda self: self.requests)
    @rule(number=NUMBER)
    def go_on(self, number: int) -> None:
        """A request goes on to its next write, or to its end."""
        self.step(self.requests[number % len(self.requests)])

    def step(self, request: Request) -> None:
        kernel, store = request.kernel, self.engine.store
        was_over = kernel is not None and is_over(store.live, kernel.caller)
        seq = store.last_seq
        request.call.go_on()
        assert not (was_over and store.last_seq > seq), "an old attempt was recorded"
        if request.call.is_over:
            self.requests.remove(request)
            if request.call.error is None:
                request.acknowledge(request.call.value)

    def free_kernel(self, number: int) -> Kernel | None:
        kernels = [kernel for kernel in self.kernels if kernel.is_free]
        return kernels[number % len(kernels)] if kernels else None

    def live_id(self, number: int) -> str | None:
        live = self.engine.store.live
        ids = [
            execution_id for execution_id in self.record.status if execution_id in live
        ]
        return ids[number % len(ids)] if ids else None

    # -- people ----------------------------------------------------------------------------

    @rule(number=NUMBER)
    def start(self, number: int) -> None:
        request = StartRequest(flow="f")
        self.send(number, partial(self.engine.service.start, request))

    @rule(number=NUMBER)
    def cancel(self, number: int) -> None:
        if execution_id := self.live_id(number):
            self.cancel_one(number, execution_id)

    def cancel_one(self, number: int, execution_id: str) -> None:
        cancel = partial(self.engine.service.cancel, execution_id, "ada")
        self.send(number, cancel, lambda e: self.note_cancel(e.execution_id))

    def note_cancel(self, execution_id: str) -> None:
        """It reaches what is under it, also what it has adopted."""
        self.cancelled |= {execution_id, *self.record.under(execution_id)}

    @rule(number=NUMBER, verb=st.sampled_from(["pause", "resume"]))
    def pause_or_resume(self, number: int, verb: str) -> None:
        if execution_id := self.live_id(number):
            self.send(
                number, partial(getattr(self.engine.service, verb), execution_id, "ada")
            )

    @rule(number=NUMBER)
    def retry(self, number: int) -> None:
        status, parent = self.record.status, self.record.parent
        roots = sorted(
            id_ for id_ in status if status[id_].is_ended and not parent[id_]
        )
        if roots:
            request, id_ = StartRequest(), roots[number % len(roots)]
            self.send(number, partial(self.engine.service.retry, id_, request))

    @precondition(lambda self: self.messages)
    @rule(number=NUMBER, text=st.sampled_from(["yes", "no"]))
    def answer(self, number: int, text: str) -> None:
        message_id = self.messages[number % len(self.messages)]
        answer = MessageAnswer(response={"response": text}, answered_by=text)
        self.send(
            number,
            partial(self.engine.inbox.answer, message_id, answer),
            lambda message: self.answered.append(message.message_id),
        )

    @rule(number=NUMBER)
    def register(self, number: int) -> None:
        self.sources += 1
        source = str(self.sources)
        flow = Flow(name="f", kind=FlowKind.CELL, source=source)
        self.send(
            number,
            partial(self.engine.service.register, flow),
            lambda flow: setattr(self, "source", flow.source),
        )

    @rule(number=NUMBER)
    def wrap(self, number: int) -> None:
        self.send(number, partial(self.engine.service.wrap, "f", []))

    # -- flows -----------------------------------------------------------------------------

    @rule(number=NUMBER, key=st.sampled_from(KEYS))
    def call(self, number: int, key: str) -> None:
        if kernel := self.free_kernel(number):
            self.call_from(number, kernel, key)

    def call_from(self, number: int, kernel: Kernel, key: str) -> None:
        request = StartRequest(flow="f", parent_id=kernel.execution_id, call_key=key)
        start = partial(self.engine.service.start, request, caller=kernel.caller)
        self.send(number, start, partial(self.note_child, kernel), kernel)

    def note_child(self, kernel: Kernel, child: Any) -> None:
        kernel.children.append(child.execution_id)

    @rule(number=NUMBER, key=st.sampled_from(KEYS))
    def call_twice(self, number: int, key: str) -> None:
        """Two threads of a flow make the same call; or its client repeats it."""
        if self.free_kernel(number):
            for _ in range(2):
                self.call(number // 6 * 6, key)
            self.in_turns()

    @rule()
    def wrap_beside_register(self) -> None:
        self.wrap(0)
        wrap = self.requests[-1]
        self.step(wrap)
        self.register(2)
        while not wrap.call.is_over:
            self.step(wrap)

    def in_turns(self) -> None:
        """The two requests that came last go on in turns, to their ends."""
        pair = self.requests[-2:]
        while pair:
            for request in list(pair):
                self.step(request)
            pair = [request for request in pair if not request.call.is_over]

    @rule(number=NUMBER, key=st.sampled_from(KEYS))
    def call_and_wait(self, number: int, key: str) -> None:
        """A child runs, and its parent waits for it."""
        if kernel := self.free_kernel(number):
            self.wait_for_child(number, kernel, key)

    def wait_for_child(self, number: int, kernel: Kernel, key: str) -> None:
        self.call_from(number, kernel, key)
        self.go_round()
        if kernel.children and kernel.is_free and kernel in self.kernels:
            request = WaitRequest(targets=kernel.children, seconds=60, is_flow=True)
            self.hold(kernel, request, list(kernel.children))
            self.go_round()

    @rule(number=NUMBER)
    def wait_for_one_and_another(self, number: int) -> None:
        """What is left of the first wait is carried out when the flow waits again."""
        kernel = self.free_kernel(number)
        if kernel is None:
            return
        self.wait_for_child(1, kernel, "first")
        if kernel.request is None or kernel.waiting is None:
            return
        calls = self.engine.calls
        count = len(calls)
        self.engine.hold(kernel.caller, kernel.request)
        late, calls[count:] = calls[count:], []
        for child in [k for k in self.kernels if k.execution_id in kernel.children]:
            self.kernels.remove(child)
            self.report(1, child, K.ENDED, status=S.ENDED_SUCCESS)
        self.go_round()
        if kernel.is_free and kernel in self.kernels:
            self.wait_for_child(1, kernel, "second")
        calls += late
        self.settle()

    @rule(number=NUMBER, key=st.sampled_from(KEYS))
    def adopt(self, number: int, key: str) -> None:
        """A flow ends before its child; its retry makes the same call, and is cancelled."""
        kernel = self.free_kernel(number)
        if kernel is None:
            return
        first_id = kernel.execution_id
        self.call_from(1, kernel, key)
        self.go_round()
        if kernel not in self.kernels or not kernel.is_free:
            return
        self.kernels.remove(kernel)
        self.report(1, kernel, K.ENDED, status=S.ENDED_ERROR)
        self.send(1, partial(self.engine.service.retry, first_id, StartRequest()))
        self.go_round()
        for again in [k for k in self.kernels if k.is_free]:
            if self.record.retry_of[again.execution_id] == first_id:
                self.call_from(number, again, key)
                if number % 2:
                    self.cancel_one(number, again.execution_id)

    @rule(number=NUMBER)
    def set_output(self, number: int) -> None:
        if kernel := self.free_kernel(number):
            id_, name = kernel.execution_id, new_id()
            set_output = partial(
                self.engine.service.set_output,
                id_,
                {name: 1},
                merge=True,
                caller=kernel.caller,
            )
            self.send(number, set_output, lambda _: self.outputs[id_].add(name), kernel)

    @rule(number=NUMBER)
    def ask(self, number: int) -> None:
        if kernel := self.free_kernel(number):
            outlives = number % 5 < 2
            request = MessageRequest(
                subject="Go on?", request="Say it", outlives=outlives
            )
            send = partial(
                self.engine.inbox.send,
                kernel.execution_id,
                request,
                caller=kernel.caller,
            )
            self.send(
                number, send, lambda m: self.messages.append(m.message_id), kernel
            )

    @invariant()
    def a_registered_source_is_kept(self) -> None:
        """Unless a later registration replaced it: both wait for the same writer."""
        if hasattr(self, "engine") and not self.requests:
            assert self.engine.store.get_flow("f").source == self.source

    @rule(number=NUMBER)
    def wait(self, number: int) -> None:
        kernel = self.free_kernel(number)
        if kernel is not None and kernel.children:
            request = WaitRequest(targets=kernel.children, seconds=60, is_flow=True)
            self.hold(kernel, request, list(kernel.children))

    @precondition(lambda self: self.messages)
    @rule(number=NUMBER, message=NUMBER)
    def wait_for_answer(self, number: int, message: int) -> None:
        if kernel := self.free_kernel(number):
            message_id = self.messages[message % len(self.messages)]
            request = WaitRequest(message=message_id, seconds=60, is_flow=True)
            self.hold(kernel, request, [])

    def hold(self, kernel: Kernel, request: WaitRequest, targets: list[str]) -> None:
        kernel.waits += 1
        mark = WaitMark(
            process=kernel.process, number=kernel.waits, oldest=kernel.waits
        )
        kernel.request = replace(request, mark=mark)
        kernel.waiting = self.engine.hold(kernel.caller, kernel.request)
        kernel.targets = targets

    @rule(number=NUMBER)
    def wait_again(self, number: int) -> None:
        """A client sends its request again; the engine has both."""
        waiting = [kernel for kernel in self.kernels if kernel.waiting is not None]
        if waiting:
            kernel = waiting[number % len(waiting)]
            assert kernel.request is not None
            kernel.waiting = self.engine.hold(kernel.caller, kernel.request)

    @invariant()
    def note_waits_that_are_over(self) -> None:
        for kernel in getattr(self, "kernels", ()):
            if kernel.waiting is None or not kernel.waiting.done():
                continue
            waiting, kernel.waiting = kernel.waiting, None
            if waiting.cancelled() or waiting.exception() is not None:
                continue
            if waiting.result()["has_slot"]:
                live = self.engine.dispatcher.live.get(kernel.execution_id)
                assert live is None or live.status is not S.WAITING

    # -- workers ---------------------------------------------------------------------------

    @rule(worker_id=st.sampled_from(WORKERS), number=NUMBER)
    def poll(self, worker_id: str, number: int) -> None:
        if number % 2:
            self.engine.settle()
        own = {k.execution_id: k for k in self.kernels if k.worker_id == worker_id}
        paused = {id_ for id_, kernel in own.items() if kernel.is_paused}
        held = {id_: kernel.said_attempt for id_, kernel in own.items()}
        work = self.engine.poll(worker_id, held, paused)
        for execution in self.in_order(work["start"]):
            id_, attempt = execution["execution_id"], execution["losses"] + 1
            assert id_ not in own, "it is given out twice"
            self.kernels.append(Kernel(id_, attempt, worker_id))
        for id_ in self.in_order_of_start(work["drop"]):
            self.kernels.remove(own.pop(id_))
        for id_ in self.in_order_of_start(work["cancel"]):
            if id_ in own and not own[id_].is_cancelled:
                own[id_].is_cancelled = True
                self.report(number, own[id_], K.ENDED, status=S.ENDED_CANCELLED)
        for id_ in self.in_order_of_start(work["pause"]):
            if id_ in own and own[id_].is_free:
                own[id_].is_paused = True
                self.report(number, own[id_], K.PAUSED)
        for id_ in self.in_order_of_start(work["resume"]):
            if id_ in own:
                own[id_].is_paused = False

    def in_order(self, records: list[Any]) -> list[Any]:
        executions = [record["execution"] for record in records]
        by_id = {execution["execution_id"]: execution for execution in executions}
        return [by_id[id_] for id_ in self.in_order_of_start(list(by_id))]

    def in_order_of_start(self, ids: list[str]) -> list[str]:
        return [
            execution_id for execution_id in self.record.status if execution_id in ids
        ]

    @rule(number=NUMBER, status=st.sampled_from([S.ENDED_SUCCESS, S.ENDED_ERROR]))
    def end(self, number: int, status: S) -> None:
        if kernel := self.free_kernel(number):
            self.kernels.remove(kernel)
            self.report(number, kernel, K.ENDED, status=status)

    @rule(number=NUMBER, status=st.sampled_from([S.ENDED_SUCCESS, S.ENDED_ERROR]))
    def end_late(self, number: int, status: S) -> None:
        """Its report comes when the next attempt runs: the worker had forgotten it."""
        self.go_round()  # The engine knows that the worker has it.
        if kernel := self.free_kernel(number):
            self.kernels.remove(kernel)
            self.report(0, kernel, K.ENDED, status=status)
            report = self.requests[-1]
            self.go_round()
            while not report.call.is_over:
                self.step(report)

    def report(self, number: int, kernel: Kernel, kind: K, **payload: Any) -> None:
        event = make_event(kernel.execution_id, kind, kernel.worker_id, **payload)
        self.record.reported[event.event_id] = kernel.attempt
        report = WorkerReport(event, kernel.said_attempt)
        self.reports.append((kernel.worker_id, report))
        self.send_report(number, kernel.worker_id, report)

    def send_report(self, number: int, worker_id: str, report: WorkerReport) -> None:
        self.send(number, partial(accept, self.engine.service, worker_id, [report]))

    @precondition(lambda self: self.reports)
    @rule(number=NUMBER)
    def report_again(self, number: int) -> None:
        """A worker that got no reply sends its report again."""
        self.send_report(number, *self.reports[number % len(self.reports)])

    @rule(lost=st.sampled_from(WORKERS), number=NUMBER)
    def lose_worker(self, lost: str, number: int) -> None:
        """Its kernels go on for a while; it may come back."""
        self.engine.lose_workers([other for other in WORKERS if other != lost])
        if number % 2:
            self.engine.settle()
            self.poll(WORKERS[number % 3 % 2], 1)

    @rule()
    def restart(self) -> None:
        """The engine is killed; workers and their kernels live, and find the next one."""
        while self.requests:
            self.step(self.requests[0])
        self.engine.restart()

    # -- what comes late -------------------------------------------------------------------

    @precondition(lambda self: self.engine.commits)
    @rule()
    def hear(self) -> None:
        self.engine.hear()

    @precondition(lambda self: self.engine.calls)
    @rule(number=NUMBER)
    def carry_out(self, number: int) -> None:
        self.engine.carry_out(number)

    @precondition(lambda self: self.engine.replies)
    @rule(number=NUMBER)
    def hear_reply(self, number: int) -> None:
        self.engine.answer(number)

    # -- promises --------------------------------------------------------------------------

    @invariant()
    def no_more_run_than_there_are_slots(self) -> None:
        if hasattr(self, "engine"):
            live = self.engine.store.live.values()
            assert sum(e.status is S.RUNNING for e in live) <= SLOTS

    @invariant()
    def no_slot_is_granted_twice(self) -> None:
        if hasattr(self, "engine"):
            promised = self.engine.promised()
            assert len(promised) == len(set(promised))

    @invariant()
    def a_report_counts_for_its_own_attempt(self) -> None:
        assert not hasattr(self, "record") or self.record.outdated == []

    @invariant()
    def a_cancel_stays(self) -> None:
        for execution_id in getattr(self, "cancelled", ()):
            execution = self.engine.store.live.get(execution_id)
            if execution is not None:
                assert execution.requested_action is A.CANCEL
                assert execution.status is not S.QUEUED

    @invariant()
    def a_call_has_one_child(self) -> None:
        assert not hasattr(self, "record") or self.record.twice == []

    @invariant()
    def what_outlives_its_sender_waits(self) -> None:
        if hasattr(self, "engine"):
            waiting = self.engine.store.open_messages()
            outliving = {m.message_id for m in waiting if m.outlives}
            assert outliving == self.record.outliving

    @invariant()
    def what_was_acknowledged_is_there(self) -> None:
        if not hasattr(self, "engine"):
            return
        assert all(count == 1 for count in self.record.answers.values())
        assert len(self.answered) == len(set(self.answered))
        for execution_id, names in self.outputs.items():
            output = self.engine.store.get_execution(execution_id).output
            assert names <= output.keys()

    @rule()
    def settle(self) -> None:
        """Once all is carried out and heard, nobody is forgotten."""
        engine = self.engine
        engine.settle()
        table, live = engine.dispatcher.slots, engine.store.live
        assert engine.errors.messages == []
        assert dict(engine.dispatcher.live) == dict(live)
        by_status = {s: {k for k, e in live.items() if e.status is s} for s in S}
        assert set(table.queued) == by_status[S.QUEUED]
        assert table.holding == by_status[S.RUNNING]
        assert table.grants == {}
        worker = engine.dispatcher.workers.idlest
        startable = table.queued.keys() - worker.holding.keys() if worker else set()
        assert not (startable and table.free), "a slot stays free"
        for kernel in self.kernels:
            if kernel.waiting is not None and not kernel.waiting.done():
                execution = live.get(kernel.execution_id)
                if execution is not None and execution.attempt == kernel.attempt:
                    assert execution.status is not S.RUNNING, "it waits with a slot"
                has_ended = all(target not in live for target in kernel.targets)
                if kernel.targets and has_ended:
                    assert kernel.execution_id in table.resuming
                    assert table.free == 0, "it waits for what has happened"


LateCommits.TestCase.settings = settings(
    max_examples=max(1, STEPS // STEPS_OF_EXAMPLE),
    stateful_step_count=STEPS_OF_EXAMPLE,
    suppress_health_check=list(HealthCheck),
)
TestLateCommits = pytest.mark.kernel(LateCommits.TestCase)  # It takes half a minute.
