"""Which wrappers there are, and which parameters they take."""

import pytest

from flowkernel.cli.parameters import join_wrappers, wrappers_in
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Flow, FlowKind
from flowkernel.engine.wrapper_registry import (
    WrapperUse,
    checked_uses,
    limits_of,
    parameters_of,
    shipped,
    with_defaults,
    wrapper_flow,
)
from flowkernel.store import Store


def a_flow(name, source="pass", *, is_wrapper=False):
    return Flow(name=name, kind=FlowKind.CELL, source=source, is_wrapper=is_wrapper)


@pytest.fixture
def store():
    with Store(":memory:") as store:
        yield store


def use(name, /, **inputs):
    return WrapperUse(name=name, inputs=inputs)


def test_the_shipped_ones_can_be_read():
    assert sorted(shipped()) == [
        "cache",
        "check",
        "interactive",
        "notify",
        "retry",
        "timeout",
    ]
    for flow in shipped().values():
        assert parameters_of(flow), flow.name
        assert len(flow.source.splitlines()) < 40, flow.name


def test_the_parameters_are_those_that_their_documentation_gives_them():
    defaults = {name: parameters_of(flow) for name, flow in shipped().items()}

    assert defaults["interactive"] == {
        "interactive_limit_minutes": 30,
        "archive_retries": True,
        "delete_retries": False,
    }
    assert defaults["retry"] == {
        "max_tries": 3,
        "delay_sec": 10,
        "archive_retries": True,
        "delete_retries": False,
    }
    assert defaults["cache"] == {"max_age_minutes": 1440}
    assert (
        defaults["notify"].items()
        >= {
            "notify_on_success": False,
            "notify_on_error": True,
        }.items()
    )


def test_a_wrapper_gets_its_defaults_and_on_them_what_was_given(store):
    [found] = checked_uses(store, [use("retry", max_tries=5)])

    expected = use(
        "retry", max_tries=5, delay_sec=10, archive_retries=True, delete_retries=False
    )
    assert found == expected.to_json()


def test_wrappers_keep_their_order(store):
    found = checked_uses(store, [use("timeout"), use("retry"), use("timeout")])

    assert [one["name"] for one in found] == ["timeout", "retry", "timeout"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (use("retri"), "There is no wrapper 'retri'. Did you mean 'retry'?"),
        (use("plain"), "'plain' is a flow, not a wrapper"),
        (
            use("retry", max_trys=5),
            "has no parameter 'max_trys'. Did you mean 'max_tries'?",
        ),
        (
            use("retry", max_tries="5"),
            "max_tries of the wrapper 'retry' is '5'; it takes",
        ),
        (use("retry", max_tries=True), "it takes a number. The default is 3"),
        (
            use("retry", archive_retries=1),
            "it takes true or false. The default is True",
        ),
        (use("notify", subject=[1]), "it takes a text"),
        (use("check", inputs=[1]), "it takes an object of names and values"),
        (
            use("retry", max_tries=0),
            "max_tries of the wrapper 'retry' is 0; give a whole number from 1 to 1,000.",
        ),
        (use("retry", max_tries=1_001), "from 1 to 1,000"),
        (
            use("retry", max_tries=2.5),
            "max_tries of the wrapper 'retry' is 2.5; give a whole number from 1",
        ),
        (
            use("retry", delay_sec=-0.1),
            "delay_sec of the wrapper 'retry' is -0.1; give",
        ),
        (
            use("timeout", timeout_sec=0),
            "is 0; give a number from 0.001 to 100,000,000",
        ),
        (use("timeout", timeout_sec=-1), "is -1; give"),
        (use("timeout", timeout_sec=float("nan")), "['timeout_sec'] is nan"),
        (use("timeout", timeout_sec=float("inf")), "['timeout_sec'] is inf"),
        (use("cache", max_age_minutes=-1), "is -1; give a number from 0 to 5,000,000."),
        (use("cache", max_age_minutes=10**400), "give a number from 0 to 5,000,000."),
        (
            use("interactive", interactive_limit_minutes=-1),
            "is -1; give a number from 0",
        ),
    ],
)
def test_what_is_wrong_is_refused_when_it_is_given(store, given, said):
    store.save_flow(a_flow("plain"))

    with pytest.raises(BadArgument) as refused:
        checked_uses(store, [given])

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        use("retry", max_tries=1, delay_sec=0),
        use("retry", max_tries=1_000, delay_sec=1e8),
        use("timeout", timeout_sec=0.001),
        use("cache", max_age_minutes=0),
        use("interactive", interactive_limit_minutes=5e6),
    ],
)
def test_limits_are_inclusive(store, given):
    [found] = checked_uses(store, [given])

    assert found["inputs"].items() >= given.inputs.items()


def test_every_number_that_a_shipped_one_takes_has_limits():
    for flow in shipped().values():
        known = parameters_of(flow)
        assert known is not None
        numbers = [name for name, value in known.items() if type(value) is int]
        assert sorted(limits_of(flow, known)) == sorted(numbers)


def test_limits_may_say_of_what_kind_they_are():
    source = "PARAMETERS: dict = {'n': 1}\nLIMITS: dict = {'n': (0, 2)}"
    mine = a_flow("mine", source, is_wrapper=True)

    assert limits_of(mine, parameters_of(mine) or {}) == {"n": (0, 2)}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("{'n': (1, 2), 'm': (1, 2)}", "has 'm': (1, 2). Give two numbers, the"),
        ("{'text': (1, 2)}", "has 'text': (1, 2). Give two numbers"),
        ("{'n': 1}", "has 'n': 1. Give two numbers"),
        ("{'n': (1, None)}", "has 'n': (1, None). Give two numbers"),
        ("{'n': (3, 1)}", "has 'n': (3, 1). Give two numbers, the lower first"),
        ("{'n': (2, 3)}", "n of the wrapper 'mine' is 1; give a number from 2 to 3."),
        ("limits()", "LIMITS of the wrapper 'mine' must be a dict of names and limits"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(limits, said):
    source = f"PARAMETERS = {{'n': 1, 'text': 'x'}}\nLIMITS = {limits}"
    mine = a_flow("mine", source, is_wrapper=True)

    with pytest.raises(BadArgument) as refused:
        limits_of(mine, parameters_of(mine) or {})

    assert said in str(refused.value)


def test_a_registered_wrapper_comes_before_a_shipped_one(store):
    mine = a_flow("retry", "PARAMETERS = {'times': 1}", is_wrapper=True)
    store.save_flow(mine)

    assert wrapper_flow(store, "retry").source == mine.source


def test_a_flow_that_has_the_name_of_a_shipped_wrapper_does_not(store):
    store.save_flow(a_flow("cache"))

    assert wrapper_flow(store, "cache") is shipped()["cache"]


def test_a_wrapper_that_does_not_say_takes_whatever_is_given():
    silent = a_flow("mine", "def handler(system, this): ...", is_wrapper=True)

    assert parameters_of(silent) is None
    assert with_defaults(silent, {"any": 1}) == {"any": 1}


def test_a_parameter_without_a_default_takes_anything():
    mine = a_flow("mine", "PARAMETERS = {'what': None}", is_wrapper=True)

    for value in (1, "x", True, [1], {"a": 1}, None):
        assert with_defaults(mine, {"what": value}) == {"what": value}


@pytest.mark.parametrize("source", ["{'n': here()}", "3", "[1]", "{1, 2}"])
def test_parameters_that_are_not_written_out_are_refused(source):
    mine = a_flow("mine", f"PARAMETERS = {source}", is_wrapper=True)

    with pytest.raises(BadArgument, match="must be a dict of names and defaults"):
        parameters_of(mine)


def typed(*words):
    """The wrapper that some words of a command line mean."""
    [word] = join_wrappers(["--using", *words], frozenset())
    [wrapper] = wrappers_in([word.removeprefix("--using=")])
    return WrapperUse.from_json(wrapper)


@pytest.mark.parametrize("text", ["{child_name} is done", "007", "5", "true", "[x]"])
def test_a_parameter_that_is_text_gets_what_was_typed(store, text):
    [found] = checked_uses(store, [typed("notify", "--subject", text)])

    assert found["inputs"]["subject"] == text
    assert found.keys() == {"name", "inputs"}


def test_other_parameters_get_values(store):
    uses = [
        typed("check", "--inputs", '{"least": 1e3}'),
        typed("retry", "--delay-sec", "1e1"),
    ]

    check, retry = checked_uses(store, uses)

    assert check["inputs"]["inputs"] == {"least": 1000.0}
    assert retry["inputs"]["delay_sec"] == 10


@pytest.mark.parametrize(
    ("wrapper", "words"),
    [
        ("check", ["check", "--inputs", '{"least": 3']),
        ("mine", ["mine", "--size", "[1, 2"]),
    ],
)
def test_broken_json_is_refused_unless_text_is_taken(store, wrapper, words):
    store.save_flow(a_flow("mine", "x = 1", is_wrapper=True))

    with pytest.raises(BadArgument, match="begins like JSON but is not valid"):
        checked_uses(store, [typed(*words)])


def test_an_engine_before_texts_gets_none_where_a_value_shows_what_was_typed():
    assert typed("retry", "--max-tries", "5", "--delay-sec", "2.5").texts is None
