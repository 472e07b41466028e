"""What is decided on a failure, and what follows at once."""

from dataclasses import replace

import pytest

from flowkernel.config import Config
from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import BadAnswer, BadArgument, MoveNotAllowed, NotOpen
from flowkernel.core.event_factory import make_event
from flowkernel.core.interventions import LIVE_VERBS
from flowkernel.core.models import (
    DecisionVerb,
    EventKind,
    Message,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import MessageStatus
from flowkernel.engine.prompts.decisions import (
    DecisionRequest,
    check_answer,
    decide,
    decision_in,
    difference,
    still_possible,
)
from flowkernel.engine.prompts.failure_prompt import LABELS
from flowkernel.engine.prompts.stale_prompts import find_stale
from flowkernel.engine.service import Service
from flowkernel.home import Home
from flowkernel.store import Store
from tests.records import an_execution

K = EventKind
A = RequestedAction
SOURCE = "total = price * amount"
ENDING = sorted(set(LABELS) - LIVE_VERBS - {"cancel_all"})


@pytest.fixture
def service(tmp_path):
    with Store(":memory:") as store:
        yield Service(store, Home(tmp_path), Config())


@pytest.fixture
def failed(service):
    """A child that failed, put aside by default with its kernel; its parent waits."""

    def failed(*, is_parked=True):
        root = new_id()
        of_wrapper = {"type": "WRAPPER", "flow_name": "interactive"}
        born = an_execution(root, S.QUEUED, **of_wrapper)
        below = {"root_id": root, "parent_id": root, "depth": 1}
        child = an_execution(status=S.QUEUED, parks=True, **below)
        service.store.append(
            [
                make_event(root, K.CREATED, **born.to_json()),
                make_event(root, K.STARTED, worker="w"),
                make_event(root, K.WAITING, on="..."),
                make_event(child.execution_id, K.CREATED, **child.to_json()),
                make_event(child.execution_id, K.STARTED, worker="w"),
                make_event(
                    child.execution_id,
                    K.FAILED,
                    status_message="NameError",
                    failure={"cell_id": "b", "source": SOURCE},
                    is_parked=is_parked,
                ),
            ]
        )
        return service.store.get_execution(child.execution_id)

    return failed


def prompt(about, **response):
    return Message(
        message_id=new_id(),
        execution_id=about.parent_id,
        root_id=about.root_id,
        subject="report failed",
        message=None,
        message_type="ERROR",
        created_at=now(),
        status=MessageStatus.ANSWERED if response else MessageStatus.OPEN,
        about_id=about.execution_id,
        response=response or None,
        answered_by="ada",
        answered_from="notebook",
    )


def answered(service, execution, *, archive=True, **response):
    """The execution after a prompt about it got this answer."""
    decision = decision_in(prompt(execution, **response))
    return decide(service, execution.execution_id, decision, archive=archive)


@pytest.mark.parametrize("verb", LABELS)
def test_it_is_recorded_who_decided_what_from_where(service, failed, verb):
    after = answered(service, failed(), **{verb: True})

    assert after.decision.verb is verb
    assert after.decision.decided_by == "ada"
    assert after.decision.decided_from == "notebook"
    assert after.decision.cell_id == "b"
    [event] = [e for e in service.store.events_after(0).events if e.kind is K.DECIDED]
    assert event.actor == "ada"
    assert event.payload.items() <= after.decision.to_json().items()


@pytest.mark.parametrize("verb", sorted(set(LABELS) - {DecisionVerb.CANCEL_ALL}))
def test_a_cancel_that_came_before_a_decision_stays(service, failed, verb):
    """It is answered, or carried out, before the kernel has heard of the cancel."""
    child = failed()
    service.cancel(child.execution_id, "bob")
    cancelled = service.store.get_execution(child.execution_id)
    assert cancelled.requested_action is A.CANCEL

    after = answered(service, child, **{verb: True})

    assert after == cancelled
    with pytest.raises(NotOpen, match="'report' is being cancelled"):
        still_possible(service, prompt(child), {verb: True})


def test_all_can_be_cancelled_while_one_is_being_cancelled(service, failed):
    child = failed()
    service.cancel(child.execution_id, "bob")

    assert still_possible(service, prompt(child), {"cancel_all": True})
    answered(service, child, cancel_all=True)

    parent = service.store.get_execution(child.parent_id)
    assert parent.requested_action is A.CANCEL


def test_a_failure_that_is_being_cancelled_is_ended_by_its_worker(service, failed):
    """Its wrapper has ended already when the engine looks."""
    child = failed()
    service.cancel(child.execution_id, "bob")
    ended = make_event(child.parent_id, K.ENDED, status=S.ENDED_CANCELLED)
    service.store.append([ended])

    assert not find_stale(service.store.live, [], service.store.find_execution)


@pytest.mark.parametrize("verb", sorted(LIVE_VERBS))
def test_what_goes_on_in_its_kernel_waits_for_a_slot(service, failed, verb):
    after = answered(service, failed(), **{verb: True})

    assert after.status is S.PAUSED
    assert (after.requested_action, after.worker) == (A.RESUME, "w")


def test_an_answer_to_an_earlier_failure_decides_nothing_on_a_later_one(
    service, failed
):
    """Its cell was skipped by somebody else meanwhile, and the next one failed."""
    child = failed()
    late = decision_in(prompt(child, retry_cell=True, source="about the first cell"))
    id_ = child.execution_id
    decide(service, id_, DecisionRequest(verb=DecisionVerb.SKIP), archive=True)
    failure = {"cell_id": "c", "source": "print(total)"}
    service.store.append(
        [
            make_event(id_, K.RESUMED),
            make_event(
                id_, K.FAILED, status_message="E", failure=failure, is_parked=True
            ),
        ]
    )

    after = decide(service, id_, late, archive=True)

    assert after.is_failed
    assert (after.decision, after.failure.cell_id) == (None, "c")


@pytest.mark.parametrize("verb", ENDING)
def test_what_does_not_go_on_ends_with_its_error(service, failed, verb):
    after = answered(service, failed(), **{verb: True})

    assert (after.status, after.status_message) == (S.ENDED_ERROR, "NameError")
    assert after.is_archived is (verb != "fail")


def test_a_try_that_is_followed_by_another_need_not_be_archived(service, failed):
    assert not answered(service, failed(), archive=False, retry=True).is_archived


def test_cancel_all_cancels_the_whole_family(service, failed):
    child = failed(is_parked=False)

    after = answered(service, child, cancel_all=True)

    assert after.status is S.ENDED_CANCELLED
    assert service.store.get_execution(child.root_id).requested_action is A.CANCEL


def test_the_difference_is_recorded_if_there_is_one(service, failed):
    edited = answered(
        service, failed(), retry_cell=True, source="amount = 1\n" + SOURCE
    )
    same = answered(service, failed(), retry_cell=True, source=SOURCE)

    assert edited.decision.source == "amount = 1\n" + SOURCE
    assert edited.decision.difference.splitlines()[3:] == [
        "+amount = 1",
        f" {SOURCE}",
    ]
    assert "difference" not in same.decision.to_json()
    assert "source" not in same.decision.to_json()


def test_a_source_that_was_sent_along_with_another_button_is_no_edit(service, failed):
    after = answered(service, failed(), fail=True, source="x")

    assert "source" not in after.decision.to_json()


def test_values_that_are_null_are_not_set(service, failed):
    after = answered(service, failed(), skip=True, values={"total": 3, "other": None})

    assert after.decision.values == {"total": 3}


def test_other_inputs_are_those_of_their_fields(service, failed):
    response = {"inputs.day": "monday", "source": "x"}

    after = answered(service, failed(), retry_with_inputs=True, **response)

    assert after.decision.inputs == {"day": "monday"}


def test_the_same_answer_twice_is_one_decision(service, failed):
    execution = failed()
    decision = decision_in(prompt(execution, fail=True))

    first = decide(service, execution.execution_id, decision, archive=True)
    again = decide(service, execution.execution_id, decision, archive=True)

    assert again == first


@pytest.mark.parametrize("verb", LABELS)
def test_another_decision_comes_too_late(service, failed, verb):
    execution = failed()
    answered(service, execution, retry_cell=True)

    with pytest.raises(MoveNotAllowed):
        answered(service, execution, **{verb: True})


@pytest.mark.parametrize("verb", sorted(LIVE_VERBS))
def test_nothing_goes_on_without_a_kernel(service, failed, verb):
    execution = failed(is_parked=False)

    assert answered(service, execution, **{verb: True}).is_failed  # It is asked again.


def test_nobody_can_decide_too(service, failed):
    decision = DecisionRequest(verb=DecisionVerb.FAIL, why="Nobody answered in time.")

    after = decide(service, failed().execution_id, decision, archive=True)

    assert after.status_message == "NameError. Nobody answered in time."
    assert (after.decision.decided_by, after.decision.message_id) == ("", None)
    assert after.decision.why == "Nobody answered in time."


def test_a_prompt_without_an_answer_decides_nothing(failed):
    with pytest.raises(BadArgument, match="nothing is decided"):
        decision_in(prompt(failed()))


def test_another_message_decides_nothing(failed):
    with pytest.raises(BadArgument, match="no prompt about a failure"):
        decision_in(prompt(failed(), ok=True))


@pytest.mark.parametrize("verb", sorted(LIVE_VERBS))
def test_a_button_that_needs_a_kernel_says_that_it_is_gone(service, failed, verb):
    execution = failed()
    service.store.append(
        [make_event(execution.execution_id, K.KERNEL_LOST, why="It took too much.")]
    )
    button = LABELS[verb]

    with pytest.raises(BadAnswer) as refusal:
        still_possible(service, prompt(execution), {verb: True})

    sentence = (
        f"{button} is no longer possible. It took too much. Retry from start still is."
    )
    assert sentence in str(refusal.value)
    response = still_possible(
        service, prompt(execution), {"retry": True, "source": "x"}
    )
    assert response == {"retry": True}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1], "must be an object of names and values"),
        ("x", "must be an object of names and values"),
        (3, "must be an object of names and values"),
        (
            {"n": 1, "not a name": 1},
            "'not a name' cannot be given a value: it is no name.",
        ),
        ({"import": 1}, "'import' cannot be given a value: it is no name."),
        (
            {"this": 1},
            "'this' cannot be given a value: it is a name of flowkernel's own.",
        ),
    ],
)
def test_values_are_of_names(failed, values, sentence):
    execution = failed()

    with pytest.raises(BadAnswer) as refusal:
        check_answer(prompt(execution), {"skip": True, "values": values})

    assert sentence in str(refusal.value)

    check_answer(prompt(execution), {"retry": True, "values": values})
    check_answer(prompt(execution), {"skip": True, "values": {"n": 1}})


def test_a_value_for_a_name_that_the_cell_does_not_set_is_refused(service, failed):
    execution = failed()
    message = prompt(execution)

    with pytest.raises(BadAnswer) as refusal:
        still_possible(service, message, {"skip": True, "values": {"totl": 1}})

    assert "does not set 'totl'. Did you mean 'total'? It sets: total." in str(
        refusal.value
    )
    for response in (
        {"skip": True, "values": {"total": 1}},
        {"skip": True, "values": {}},
        {"skip": True},
        {"retry": True, "values": {"totl": 1}},
    ):
        assert still_possible(service, message, response) == response


def test_what_is_no_prompt_is_not_looked_at(service, failed):
    message, response = replace(prompt(failed()), about_id=None), {"skip": True}

    check_answer(message, {**response, "values": 3})
    assert still_possible(service, message, response) == response


def test_a_difference_is_a_unified_diff():
    assert difference("a\nb", "a\nc").splitlines() == [
        "--- before",
        "+++ after",
        "@@ -1,2 +1,2 @@",
        " a",
        "-b",
        "+c",
    ]
