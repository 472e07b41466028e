"""A kernel that is kept after the end of its run: who asks for it, and how it is released."""

from datetime import timedelta

import pytest

from flowkernel.core.errors import BadArgument, NotParked
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.worker_report import WorkerReport
from flowkernel.engine.dispatch.worker_reports import accept
from flowkernel.engine.start_plan import StartRequest
from flowkernel.engine.wrapper_registry import WrapperUse
from tests.integration.late_engine import LateEngine

S = ExecutionStatus
K = EventKind
MOMENT = timedelta(seconds=1)


@pytest.fixture
def engine(tmp_path):
    engine = LateEngine(tmp_path)
    yield engine
    engine.close()


class KeepingWorker:
    """A worker that keeps the kernel of the one run that it has."""

    def __init__(self, engine):
        self.engine = engine
        self.holding, self.kept = {}, {}

    def poll(self):
        self.engine.settle()
        reply = self.engine.poll("w", self.holding, set(), kept=self.kept)
        self.engine.settle()
        for assignment in reply["start"]:
            self.holding[assignment["execution"]["execution_id"]] = 1
        return reply

    def take(self):
        while not self.holding:
            self.poll()
        return next(iter(self.holding))

    def report(self, execution_id, kind, **payload):
        """Whether the engine has recorded it."""
        event = make_event(execution_id, kind, "w", **payload)
        refused = accept(self.engine.service, "w", [WorkerReport(event, 1)])
        self.engine.settle()
        return refused == []

    def end(self, execution_id, status=S.ENDED_SUCCESS):
        until = self.engine.clock.now() + timedelta(hours=12)
        payload = {"status": status, "parked_until": until.isoformat()}
        assert self.report(execution_id, K.ENDED, **payload)
        self.kept[execution_id] = self.holding.pop(execution_id)
        return self.engine.store.get_execution(execution_id)


@pytest.fixture
def worker(engine):
    return KeepingWorker(engine)


@pytest.fixture
def ended(engine, worker):
    """A run that has ended, and whose kernel the worker keeps."""
    engine.service.start(StartRequest(flow="f", keep_kernel=True))
    return worker.end(worker.take())


def current(engine, execution):
    return engine.store.get_execution(execution.execution_id)


def test_a_run_that_ended_keeps_its_kernel_and_takes_no_slot(engine, worker, ended):
    assert ended.is_kept
    assert abs(ended.parked_until - ended.parked_at - timedelta(hours=12)) < MOMENT
    assert worker.poll()["release"] == []
    assert engine.dispatcher.slots.free == engine.dispatcher.slots.slots
    assert engine.dispatcher.has_kernels
    assert engine.dispatcher.seconds_until_idle() > 0


def test_a_person_releases_it_and_the_worker_hears_of_it_once(engine, worker, ended):
    released = engine.service.release_kernel(ended.execution_id, "ada")

    assert (released.is_kept, released.parked_until) == (False, None)
    assert worker.poll()["release"] == [ended.execution_id]
    worker.kept.clear()
    assert worker.poll()["release"] == []
    assert not engine.dispatcher.has_kernels
    assert engine.service.release_kernel(ended.execution_id, "bob") == released


def test_what_keeps_no_kernel_has_none_to_release(engine, worker):
    running = engine.service.start(StartRequest(flow="f", keep_kernel=True))
    with pytest.raises(NotParked, match="it has not ended"):
        engine.service.release_kernel(running.execution_id, "ada")

    engine.service.cancel(running.execution_id, "ada")
    plain = engine.service.start(StartRequest(flow="f"))
    assert worker.take() == plain.execution_id
    worker.report(plain.execution_id, K.ENDED, status=S.ENDED_SUCCESS)
    with pytest.raises(NotParked, match="it keeps none after its end"):
        engine.service.release_kernel(plain.execution_id, "ada")


def test_the_worker_says_that_its_kernel_is_gone_and_nothing_else(
    engine, worker, ended
):
    id_ = ended.execution_id
    assert not worker.report(id_, K.LOGGED, stream="stdout", text="late")
    assert not worker.report(id_, K.ENDED, status=S.ENDED_ERROR)

    assert worker.report(id_, K.KERNEL_LOST, why="Its kernel ended.")

    execution = current(engine, ended)
    assert (execution.status, execution.is_kept) == (S.ENDED_SUCCESS, False)
    assert not worker.report(id_, K.KERNEL_LOST, why="Its kernel ended.")


def test_another_worker_cannot_say_it(engine, ended):
    event = make_event(ended.execution_id, K.KERNEL_LOST, "v", why="Mine.")

    assert accept(engine.service, "v", [WorkerReport(event, 1)]) == [event.event_id]
    assert current(engine, ended).is_kept


def test_a_kernel_is_gone_with_its_worker(engine, worker, ended):
    worker.poll()
    engine.lose_workers([])
    engine.settle()

    assert not current(engine, ended).is_kept
    assert worker.poll()["release"] == [ended.execution_id]


def test_a_kernel_whose_time_is_over_is_not_kept_whatever_its_worker_says(
    engine, worker, ended
):
    def sweep_after(**parts):
        engine.clock.move(**parts)
        worker.poll()
        engine.task(engine.sweeper.sweep())
        engine.settle()

    sweep_after(hours=11, minutes=59)
    assert current(engine, ended).is_kept

    sweep_after(minutes=3)

    assert not current(engine, ended).is_kept


def test_the_next_engine_knows_it_and_waits_for_its_worker(engine, worker, ended):
    engine.restart()
    assert engine.dispatcher.has_kernels
    assert worker.poll()["release"] == []

    engine.restart()
    engine.clock.move(seconds=60)
    engine.task(engine.sweeper.sweep())
    engine.settle()

    assert not current(engine, ended).is_kept


def test_what_is_deleted_keeps_no_kernel(engine, worker, ended):
    id_ = ended.execution_id
    engine.store.delete(id_, {id_})

    assert worker.poll()["release"] == [id_]


def test_a_deletion_wakes_the_worker_that_keeps_the_kernel(engine, worker, ended):
    worker.poll()
    keeper, other = engine.note_worker("w"), engine.note_worker("v")
    keeper.has_news.clear()
    other.has_news.clear()

    engine.store.prune([ended.execution_id])
    engine.settle()

    assert keeper.has_news.is_set()
    assert not other.has_news.is_set()


def test_a_run_that_was_cancelled_as_it_ended_keeps_none(engine, worker):
    execution = engine.service.start(StartRequest(flow="f", keep_kernel=True))
    worker.take()
    engine.service.cancel(execution.execution_id, "ada")

    ended = worker.end(execution.execution_id)

    assert (ended.status, ended.is_kept) == (S.ENDED_CANCELLED, False)
    assert worker.poll()["release"] == [execution.execution_id]


def test_a_retry_keeps_its_kernel_as_the_run_before_did(engine, ended):
    retry = engine.service.retry(ended.execution_id, StartRequest())

    assert retry.keeps_kernel


def test_a_child_keeps_none_unless_it_is_asked_for(engine):
    root = engine.service.start(StartRequest(flow="f", keep_kernel=True))
    parent = {"flow": "f", "parent_id": root.execution_id}

    plain = engine.service.start(StartRequest(**parent, call_key="1"))
    keeping = engine.service.start(
        StartRequest(**parent, call_key="2", keep_kernel=True)
    )

    assert (plain.keeps_kernel, keeping.keeps_kernel) == (False, True)


def test_what_a_wrapper_runs_keeps_its_kernel_if_the_wrapper_was_asked(engine):
    uses = [WrapperUse(name="retry", inputs={}), WrapperUse(name="timeout", inputs={})]
    request = StartRequest(flow="f", keep_kernel=True, using=uses)
    outer = engine.service.start(request)

    inner, flow = outer, None
    for key in ("1", "2"):
        flow = engine.service.start(
            StartRequest(
                wrapped_of=inner.execution_id,
                parent_id=inner.execution_id,
                call_key=key,
            )
        )
        assert flow.keeps_kernel
        inner = flow
    assert flow.flow_name == "f"


def test_no_kernel_is_promised_that_cannot_be_kept(engine):
    external = StartRequest(
        flow="f", keep_kernel=True, worker="papermill-" + "0" * 8 + "-0000" * 3
    )
    with pytest.raises(BadArgument, match="leave `keep_kernel` out"):
        engine.service.start(external)

    engine.service.config = type(engine.service.config)(parked_kernels=0)
    with pytest.raises(BadArgument, match="`parked_kernels` is 0"):
        engine.service.start(StartRequest(flow="f", keep_kernel=True))


@pytest.fixture
def wrapped(engine, worker):
    """A run that has ended in a wrapper, with that; the worker keeps its kernel."""
    uses = [WrapperUse(name="retry", inputs={})]
    request = StartRequest(flow="f", keep_kernel=True, using=uses)
    wrapper = engine.service.start(request)
    worker.take()
    part_of = {
        "wrapped_of": wrapper.execution_id,
        "parent_id": wrapper.execution_id,
        "call_key": "1",
    }
    run = engine.service.start(StartRequest(**part_of))
    while run.execution_id not in worker.holding:
        worker.poll()
    return wrapper, worker.end(run.execution_id)


def test_a_wrapper_releases_what_it_wraps(engine, worker, ended, wrapped):
    wrapper, run = wrapped
    with pytest.raises(NotParked, match="it has not ended"):
        engine.service.release_kernel(wrapper.execution_id, "ada")
    worker.report(wrapper.execution_id, K.ENDED, status=S.ENDED_SUCCESS)
    worker.holding.clear()

    engine.service.release_kernel(wrapper.execution_id, "ada")

    assert not current(engine, run).is_kept
    assert current(engine, ended).is_kept
    assert worker.poll()["release"] == [run.execution_id]
    engine.service.release_kernel(wrapper.execution_id, "ada")
