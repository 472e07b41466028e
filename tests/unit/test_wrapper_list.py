"""The wrappers as a form needs them: what each does, and the parameters that it takes."""

import pytest

from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Flow, FlowKind
from flowkernel.engine.start_plan import StartRequest
from flowkernel.engine.wrapper_list import list_wrappers
from flowkernel.engine.wrapper_registry import WrapperUse, shipped
from tests.stage import service

__all__ = ["service"]

OWN = '''
"""good_day: run the flow on the first good day.

With more to say."""
PARAMETERS = {"days": ["monday"], "names": {"a": 1}, "flow": None, "title": "a\\nb", "n": 2}
LIMITS = {"n": (1, 2_000)}


def handler(system, this, inputs):
    return this.wrapped.end_as(this.wrapped.start().wait())
'''


def register(service, name="good_day", source=OWN, **fields):
    flow = Flow(name=name, kind=FlowKind.CELL, source=source, is_wrapper=True, **fields)
    return service.register(flow)


def listed(service):
    return {wrapper.name: wrapper for wrapper in list_wrappers(service.store)}


def parameters(wrapper):
    return {parameter["name"]: parameter for parameter in wrapper.parameters}


def test_every_shipped_wrapper_is_there_in_alphabetical_order(service):
    wrappers = list(list_wrappers(service.store))

    assert [wrapper.name for wrapper in wrappers] == sorted(shipped())
    assert all(wrapper.is_shipped and wrapper.parameters for wrapper in wrappers)
    assert not any(wrapper.takes_others for wrapper in wrappers)
    retry = listed(service)["retry"]
    assert retry.description == "If the flow fails, run it again after a while."


def test_a_parameter_says_what_a_form_needs(service):
    tries = parameters(listed(service)["retry"])["max_tries"]

    assert tries["element"] == {
        "element": "number",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000,
    }
    assert (tries["type"], tries["default"], tries["is_required"]) == ("int", 3, False)
    assert tries["words"] == "a whole number"
    assert tries["help"] == "From 1 to 1,000."


def test_what_a_person_registered_is_among_them(service):
    register(service)

    wrapper = listed(service)["good_day"]

    assert not wrapper.is_shipped
    assert wrapper.description == "Run the flow on the first good day."
    elements = {name: p["element"] for name, p in parameters(wrapper).items()}
    assert elements == {
        "days": None,
        "names": None,
        "flow": None,
        "title": {"element": "string"},
        "n": {"element": "number", "minimum": 1, "maximum": 2_000},
    }
    assert parameters(wrapper)["flow"]["takes_null"]


@pytest.mark.parametrize(
    ("limits", "bounds", "help_text"),
    [
        ("(1, 1e999)", {"minimum": 1}, "1 or more."),
        ("(-1e999, 2_000)", {"maximum": 2_000}, "2,000 or less."),
        ("(-1e999, 1e999)", {}, ""),
        (f"(1, {'9' * 400})", {"minimum": 1}, "1 or more."),
    ],
)
def test_a_limit_that_is_not_finite_is_left_out(service, limits, bounds, help_text):
    register(service, source=OWN.replace("(1, 2_000)", limits))

    wrapper = listed(service)["good_day"]

    number = parameters(wrapper)["n"]
    assert number["element"] == {"element": "number", **bounds}
    assert number["help"] == help_text
    assert dumps(wrapper.to_json())


def test_a_value_beyond_its_only_limit_is_refused_with_that(service):
    register(service, source=OWN.replace("(1, 2_000)", "(1, 1e999)"))
    uses = [WrapperUse(name="good_day", inputs={"n": 0})]

    with pytest.raises(BadArgument, match="give a number of 1 or more"):
        service.start(StartRequest(flow="f", using=uses, run=False))


def test_a_registered_one_stands_for_the_shipped_one_of_its_name(service):
    register(service, "retry", description="Mine.")

    assert listed(service)["retry"].description == "Mine."
    assert not listed(service)["retry"].is_shipped


@pytest.mark.parametrize("source", ["def handler(system, this): pass", "x = ("])
def test_one_that_declares_nothing_takes_anything(service, source):
    flow = Flow(name="odd", kind=FlowKind.CELL, source=source, is_wrapper=True)
    service.store.save_flow(flow)

    wrapper = listed(service)["odd"]

    assert (wrapper.parameters, wrapper.takes_others) == ([], True)
    assert wrapper.description == ""


def test_its_defaults_can_be_sent_as_they_are(service):
    register(service)
    uses = [
        WrapperUse(
            name=wrapper.name,
            inputs={p["name"]: p["default"] for p in wrapper.parameters},
        )
        for wrapper in listed(service).values()
    ]

    service.start(StartRequest(flow="f", using=uses[:10], run=False))
