"""What people did to a run is in its columns, and said of what is above it."""

from dataclasses import replace

import pytest

from flowkernel.config import Config
from flowkernel.core.event_factory import make_event
from flowkernel.core.interventions import LIVE_VERBS, changed_inputs
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Decision, DecisionVerb, EventKind, FlowKind
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.callers import ExecutionCaller, PersonCaller
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import SourceRecord, StartRequest
from flowkernel.home import Home
from flowkernel.store import Store
from tests.run_family import ADA, EDIT, NOBODY, WRAPPED, an_execution
from tests.run_family import family as family
from tests.run_family import record as record

K = EventKind
S = ExecutionStatus
V = DecisionVerb
COUNTS = ("skipped_cells", "mended_cells", "retried_cells", "decided_by")


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ({"verb": "skip", "values": {"x": 1}}, (1, 0, 0, "ada")),
        (EDIT, (0, 1, 0, "ada")),
        ({"verb": "retry_cell"}, (0, 0, 1, "ada")),
        ({"verb": "retry"}, (0, 0, 0, "ada")),
        ({"verb": "fail"}, (0, 0, 0, "ada")),
        ({**NOBODY, "message_id": None}, (0, 0, 0, None)),
    ],
)
def test_a_decision_of_a_person_is_in_columns(family, decision, expected):
    family.fail()

    family.decide(**decision)
    if decision["verb"] in LIVE_VERBS:
        family.go_on()

    assert family.fields(family.child, *COUNTS) == expected


def test_a_cell_counts_once_however_often_it_is_mended(family):
    family.fail()
    family.decide(**EDIT)
    family.go_on()
    family.fail(is_mended=True)
    family.decide(**EDIT)
    family.go_on()
    family.fail(is_mended=True)
    family.decide(verb="skip")
    family.go_on()

    assert family.fields(family.child, *COUNTS) == (1, 1, 0, "ada")


LOSSES = {
    "kernel lost": [(K.KERNEL_LOST, {"why": "It ended."})],
    "cancelled": [(K.ENDED, {"status": "ENDED_CANCELLED"})],
    "kernel died as it went on": [
        (K.RESUMED, {}),
        (K.FAILED, {"status_message": "no", "is_parked": False}),
    ],
    "cancelled as it went on": [
        (K.RESUMED, {}),
        (K.ENDED, {"status": "ENDED_CANCELLED"}),
    ],
    "worker lost as it went on": [
        (K.RESUMED, {}),
        (K.LOST, {"worker": "w"}),
        (K.STARTED, {"worker": "w"}),
    ],
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("decision", [{"verb": "skip"}, EDIT, {"verb": "retry_cell"}])
def test_what_was_decided_and_never_done_does_not_count(family, decision, loss):
    family.fail()
    family.decide(**decision)

    for kind, payload in LOSSES[loss]:
        family.record(family.child, kind, **payload)
    if not family.store.get_execution(family.child).status.is_ended:
        family.start_cell()

    for id_ in family.line:
        assert family.fields(id_, *COUNTS, "decided_under") == (0, 0, 0, None, None)


def test_a_skipped_last_cell_counts_with_the_end(family):
    family.fail()
    family.decide(verb="skip")
    family.resume()

    *_, ended = family.record(family.child, K.ENDED, status="ENDED_SUCCESS")

    assert ended.kind is K.ENDED, "a client that follows sees no more after this"
    assert family.fields(family.child, *COUNTS) == (1, 0, 0, "ada")
    assert family.fields(family.wrapper, *COUNTS) == (1, 0, 0, "ada")


def test_a_decision_after_a_lost_one_counts_alone(family):
    family.fail()
    family.decide(verb="skip", decided_by="bob")
    family.record(family.child, K.KERNEL_LOST, why="It ended.")
    family.decide(verb="retry", decided_by="ada")
    family.record(family.child, K.ENDED, status="ENDED_ERROR")

    assert family.fields(family.child, *COUNTS) == (0, 0, 0, "ada")
    assert family.fields(family.root, "decided_under") == ("ada",)


def test_who_is_named_is_the_one_whose_decision_took_effect_last(family):
    other = family.beside()
    for each, person in ((family, "ada"), (other, "bob"), (family, "ada")):
        each.fail()
        each.decide(verb="skip", decided_by=person)
        each.go_on()
        assert family.fields(family.root, "decided_under") == (person,)

    other.record(other.child, K.SAVED, name="bob decided here before")

    assert family.fields(family.root, "decided_under") == ("ada",)


def test_a_new_name_of_an_earlier_try_changes_nothing_of_its_wrapper(family):
    family.fail()
    family.decide(verb="skip")
    family.go_on()
    family.record(family.child, K.ENDED, status="ENDED_ERROR")
    family.add(family.wrapper, call_key=CALL_KEY, retry_of=family.child)

    family.record(family.child, K.SAVED, name="first try", is_archived=True)

    assert family.fields(family.wrapper, *COUNTS[:3]) == (0, 0, 0)


def test_a_copy_of_changed_inputs_names_nobody_again(family):
    changed = {"inputs_changed_by": "ada", "replaced_inputs": {"day": 1}}
    changed |= {"inputs": {"day": 2}, "call_key": CALL_KEY}
    family.child = family.add(family.wrapper, **changed)
    family.fail()
    family.decide(verb="retry", decided_by="bob")
    family.record(family.child, K.ENDED, status="ENDED_ERROR")

    family.add(family.wrapper, retry_of=family.child, **changed)

    assert family.fields(family.root, "decided_under") == ("bob",)
    assert family.fields(family.wrapper, "inputs_changed_by") == ("ada",)


def test_a_wrapper_says_what_is_said_of_the_flow_that_it_runs(family):
    family.fail()
    family.decide(verb="skip")
    family.go_on()

    assert family.fields(family.wrapper, *COUNTS) == (1, 0, 0, "ada")


def test_a_plain_parent_says_who_decided_under_it(family):
    family.fail()
    family.decide(verb="skip")
    family.go_on()

    assert family.fields(family.root, *COUNTS) == (0, 0, 0, None)
    assert family.fields(family.root, "decided_under") == ("ada",)


def test_nothing_is_said_of_a_family_that_nobody_touched(family):
    family.fail()
    family.record(family.child, K.DECIDED, **NOBODY)

    for id_ in (family.root, family.wrapper, family.child):
        assert family.fields(id_, *COUNTS, "decided_under") == (0, 0, 0, None, None)


def test_the_next_try_of_a_wrapper_begins_untouched(family):
    family.fail()
    family.decide(verb="skip")
    family.go_on()
    family.fail()
    family.decide(verb="retry")
    family.record(family.child, K.ENDED, status="ENDED_ERROR")

    family.add(family.wrapper, call_key=CALL_KEY, retry_of=family.child)

    assert family.fields(family.wrapper, *COUNTS) == (0, 0, 0, "ada")
    assert family.fields(family.child, *COUNTS) == (1, 0, 0, "ada")


def test_what_runs_again_after_a_loss_is_untouched(family):
    family.fail()
    family.decide(verb="skip")
    family.go_on()

    family.record(family.child, K.LOST, worker="w")

    for id_ in (family.child, family.wrapper):
        assert family.fields(id_, *COUNTS[:3]) == (0, 0, 0)
    assert family.fields(family.child, "decided_by") == (None,)


def test_inputs_that_a_person_changed_are_said_of_the_wrapper_too(family):
    family.add(family.wrapper, call_key=CALL_KEY, inputs_changed_by="ada")

    assert family.fields(family.wrapper, "inputs_changed_by") == ("ada",)
    assert family.fields(family.root, "decided_under") == ("ada",)


# -- inputs ----------------------------------------------------------------------------------


def decided(**fields):
    return Decision(**{"verb": V.RETRY_WITH_INPUTS, **ADA, **fields})


def test_a_retry_with_other_inputs_says_who_changed_what():
    decision = decided(inputs={"day": 2})
    first = an_execution(inputs={"day": 1, "rate": 3}, decision=decision)
    second = an_execution(inputs={"day": 2, "rate": 3})

    fields = changed_inputs(first, second, None)

    assert fields == {"inputs_changed_by": "ada", "replaced_inputs": {"day": 1}}


def test_a_person_who_retries_with_other_inputs_changed_them():
    first, second = an_execution(inputs={"day": 1}), an_execution(inputs={"day": 2})

    assert changed_inputs(first, second, "bob")["inputs_changed_by"] == "bob"
    assert changed_inputs(first, second, None) == {}


def test_a_retry_of_changed_inputs_has_changed_inputs():
    first = an_execution(
        inputs={"day": 2}, inputs_changed_by="ada", replaced_inputs={"day": 1}
    )

    fields = changed_inputs(first, an_execution(inputs={"day": 2}), "bob")

    assert fields == {"inputs_changed_by": "ada", "replaced_inputs": {"day": 1}}


def test_the_inputs_of_a_wrapper_are_those_of_what_it_runs():
    first = an_execution(wrapped=replace(WRAPPED, inputs={"day": 1}), inputs={"n": 1})
    second = an_execution(wrapped=replace(WRAPPED, inputs={"day": 1}), inputs={"n": 2})

    assert changed_inputs(first, second, "bob")["inputs_changed_by"] is None


def test_who_retries_later_is_named_and_not_who_decided_before():
    first = an_execution(inputs={"day": 1}, decision=decided(inputs={"day": 2}))
    third = an_execution(inputs={"day": 3})

    assert changed_inputs(first, third, "bob")["inputs_changed_by"] == "bob"


def test_a_program_that_changes_another_input_is_no_person():
    first = an_execution(inputs={"day": 1}, decision=decided(inputs={"day": 2}))

    assert changed_inputs(first, an_execution(inputs={"day": 1, "n": 2}), None) == {}


def wrapper_of(inputs, **fields):
    return an_execution(wrapped=replace(WRAPPED, inputs=inputs), inputs={}, **fields)


def test_what_runs_under_two_wrappers_has_the_inputs_that_a_person_changed():
    decision = decided(inputs={"day": 2})
    first = wrapper_of({"day": 1}, decision=decision)
    second = wrapper_of({"day": 2})

    change = changed_inputs(first, second, None)
    inner = replace(second, **change)
    run = an_execution(inputs={"day": 2}, call_key=CALL_KEY)

    expected = {"inputs_changed_by": "ada", "replaced_inputs": {"day": 1}}
    assert change == expected
    assert changed_inputs(None, run, None, inner) == expected
    other = an_execution(inputs={"day": 5}, call_key=CALL_KEY)
    assert changed_inputs(None, other, None, inner) == {}
    plain_child = an_execution(inputs={"day": 2}, call_key="fetch")
    assert changed_inputs(None, plain_child, None, inner) == {}


def test_another_try_of_a_wrapper_has_its_own_inputs_again():
    """One run under the first wrapper had inputs that a person changed; this has not."""
    first = wrapper_of({"day": 1}, inputs_changed_by="ada")
    second = wrapper_of({"day": 1}, retry_of=first.execution_id)

    assert not any(changed_inputs(first, second, None).values())


@pytest.mark.parametrize(
    ("claim", "caller", "person"),
    [
        ({"started_by": "bob (command line)"}, PersonCaller("account"), "bob"),
        ({}, PersonCaller("account"), "account"),
        ({"started_by": "bob (notebook)"}, ExecutionCaller("e", 1), None),
    ],
)
def test_a_retry_with_other_inputs_names_the_person_who_asked_for_it(
    tmp_path, claim, caller, person
):
    with Store(":memory:") as store:
        service = Service(store, Home(tmp_path), Config())
        source = SourceRecord(name="f", kind=FlowKind.CELL, source="1")
        first = service.start(StartRequest(source=source, inputs={"n": 1}))
        store.append(
            [
                make_event(first.execution_id, K.STARTED, worker="w"),
                make_event(first.execution_id, K.ENDED, status="ENDED_ERROR"),
            ]
        )
        if isinstance(caller, ExecutionCaller):
            flow = service.start(StartRequest(source=source))
            store.append([make_event(flow.execution_id, K.STARTED, worker="w")])
            caller = ExecutionCaller(flow.execution_id, 1)

        request = StartRequest(inputs={"n": 2}, allow_extra=True, **claim)
        second = service.retry(first.execution_id, request, caller=caller)

        assert second.inputs_changed_by == person
        assert second.replaced_inputs == ({"n": 1} if person else None)


def test_what_is_no_retry_has_its_own_inputs():
    assert changed_inputs(None, an_execution(inputs={"day": 1}), "bob") == {}


@pytest.mark.parametrize(
    ("fields", "is_of_person"),
    [
        ({}, True),
        ({"decided_by": ""}, False),
        ({"decided_by": "execution 0199"}, False),
        ({"why": "Nobody answered in time."}, False),
    ],
)
def test_only_people_are_people(fields, is_of_person):
    assert decided(**fields).is_of_person is is_of_person
