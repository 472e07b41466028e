"""Flows that run other flows: each wrapper, with each end of its child."""

import json
import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from flowkernel.client.client import Client
from flowkernel.core.errors import BadArgument, ExecutionNotFound
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.flows import INTERACTIVE, answer, open_prompt, start_flow
from tests.conftest import until, workers_of

pytestmark = pytest.mark.kernel

FAILS = "1 / 0"
CANCELLED = "this.end('cancelled', 'not today')"
SLEEPS = "this.sleep(600)"


@pytest.fixture
def register_counter(register, tmp_path):
    """Register a flow that counts its runs, and succeeds from the run `good_from` on."""

    def register_counter(name, *, good_from=1, code=""):
        counter = tmp_path / f"{name}.counter"
        source = (
            f"with open({str(counter)!r}, 'a+') as file:\n"
            "    file.write('x')\n"
            "    file.seek(0)\n"
            "    times = len(file.read())\n"
            f"{code}\n"
            f"assert times >= {good_from}, 'too early'\n"
            "this.set_output(times=times)\n"
        )
        register(name, source)
        return lambda: len(counter.read_text())

    return register_counter


@pytest.fixture
def run_wrapped(client):
    """Run a flow in wrappers, the outermost first, until it has ended."""

    def run_wrapped(target, *uses, **inputs):
        using = [{"name": name, "inputs": parameters} for name, parameters in uses]
        execution = start_flow(client, target, using=using, **inputs)
        return execution.wait(ReturnWhen.ALL_ENDED, timeout=120)

    return run_wrapped


@pytest.fixture
def shell(client, tmp_path, monkeypatch):
    """A person's shell with the magics."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "flowkernel")
    yield shell
    shell.extension_manager.unload_extension("flowkernel")
    InteractiveShell.clear_instance()


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "flowkernel", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# -- retry -----------------------------------------------------------------------------------


def test_retry_tries_until_it_succeeds(register_counter, run_wrapped):
    times = register_counter("third_time", good_from=3)

    execution = run_wrapped("third_time", ("retry", {"delay_sec": 0}))

    assert (execution.status, execution.output) == (S.ENDED_SUCCESS, {"times": 3})
    assert times() == 3
    first, second, third = execution.children
    assert (first.get("retry_of"), second.get("retry_of")) == (None, first.execution_id)
    assert third.get("retry_of") == second.execution_id
    assert [execution.load("is_archived") for execution in (first, second, third)] == [
        True,
        True,
        False,
    ]


def test_retry_keeps_the_inputs_of_a_flow_inside_another_wrapper(
    register_counter, run_wrapped
):
    register_counter("given", good_from=2, code="this.set_output(given=inputs)")

    execution = run_wrapped(
        "given", ("retry", {"delay_sec": 0}), ("timeout", {}), day=1
    )

    assert execution.output == {"given": {"day": 1}, "times": 2}


def test_retry_ends_as_the_last_try_ended(register_counter, run_wrapped):
    times = register_counter("never", good_from=99)

    execution = run_wrapped("never", ("retry", {"max_tries": 2, "delay_sec": 0}))

    assert execution.status is S.ENDED_ERROR
    assert "too early" in execution.get("message")
    assert times() == 2


def test_retry_does_not_run_a_cancelled_flow_again(register, run_wrapped):
    register("given_up", CANCELLED)

    execution = run_wrapped("given_up", ("retry", {"delay_sec": 0}))

    assert execution.status is S.ENDED_CANCELLED
    assert len(execution.children) == 1


def test_retry_waits_between_two_tries_without_a_slot(register, client):
    register("broken", FAILS)
    using = [{"name": "retry", "inputs": {"delay_sec": 600}}]
    execution = start_flow(client, "broken", using=using)

    until(lambda: "Waiting until" in (execution.load("message") or ""))

    assert execution.status is S.WAITING
    execution.cancel().wait(ReturnWhen.ALL_ENDED)


def test_a_list_does_not_show_earlier_tries(register_counter, run_wrapped):
    register_counter("listed", good_from=2)
    run_wrapped("listed", ("retry", {"delay_sec": 0}))

    ask = ("execution", "list", "--flow", "listed", "--json")

    assert len(json.loads(command(*ask).stdout)) == 1
    assert len(json.loads(command(*ask, "--all").stdout)) == 2


def test_tries_stay_in_lists_if_they_are_not_archived(register_counter, run_wrapped):
    register_counter("kept", good_from=2)

    execution = run_wrapped(
        "kept", ("retry", {"delay_sec": 0, "archive_retries": False})
    )

    assert [execution.load("is_archived") for execution in execution.children] == [
        False,
        False,
    ]


def test_delete_retries_deletes_tries_with_all_under_them(
    client, register_counter, register, run_wrapped
):
    """A child that succeeded in one of them is not run again."""
    times = register_counter("costly")
    register_counter("parent", good_from=2, code="this.flow('costly')")

    execution = run_wrapped(
        "parent", ("retry", {"delay_sec": 0, "delete_retries": True})
    )

    assert execution.output == {"times": 2}
    assert times() == 1
    [last] = execution.children
    with pytest.raises(ExecutionNotFound):
        client.get_execution(last.load("retry_of"))
    assert client.list_executions(flow_name="costly") == []


# -- timeout ---------------------------------------------------------------------------------


def test_timeout_cancels_a_flow_that_takes_too_long(register, run_wrapped):
    register("sleeper", SLEEPS)

    execution = run_wrapped("sleeper", ("timeout", {"timeout_sec": 0.5}))

    assert execution.status is S.ENDED_ERROR
    assert execution.get("message") == "It took longer than 0.5 s, and was cancelled."
    [child] = execution.children
    assert child.load("status") == S.ENDED_CANCELLED


def test_timeout_cancels_a_flow_that_is_about_to_ask(register, run_wrapped):
    register("broken", FAILS)

    execution = run_wrapped(
        "broken", ("timeout", {"timeout_sec": 0.001}), ("interactive", {})
    )

    assert "and was cancelled" in execution.get("message")
    [inner] = execution.children
    assert inner.load("status") == S.ENDED_CANCELLED


def test_show_says_what_failed_under_a_wrapper_and_where(register, run_wrapped):
    register("divides", "1 / 0")

    execution = run_wrapped("divides", ("retry", {"max_tries": 1}), ("timeout", {}))

    text = command("execution", "show", execution.execution_id).stdout
    assert "----> 1 1 / 0" in text
    [inner] = execution.children
    [cause] = inner.children
    last = text.strip().splitlines()[-1]
    assert last == (
        "'divides' failed under it: "
        f"flowkernel execution show {cause.execution_id[:18]}"
    )


# -- cache -----------------------------------------------------------------------------------


def test_cache_runs_the_same_with_the_same_inputs_once(register_counter, run_wrapped):
    times = register_counter("fetch")

    first = run_wrapped("fetch", ("cache", {}), day=1)
    second = run_wrapped("fetch", ("cache", {}), day=1)
    other = run_wrapped("fetch", ("cache", {}), day=2)

    assert first.output == second.output == {"times": 1}
    assert other.output == {"times": 2}
    assert times() == 2
    assert second.children == []
    assert "The output of" in second.get("message")


def test_cache_knows_no_output_of_another_source(register_counter, run_wrapped):
    register_counter("edited")
    run_wrapped("edited", ("cache", {}))
    times = register_counter("edited", code="more = 1")

    assert run_wrapped("edited", ("cache", {})).output == {"times": 2}
    assert times() == 2


def test_cache_takes_no_output_of_an_edited_cell(home, register, run_wrapped):
    register("edited", "this.set_output(rows=1 / 0)")
    client = Client(home, started_by="ada (notebook)")
    execution = start_flow(client, "edited", using=INTERACTIVE, is_interactive=True)
    prompt = open_prompt(client, execution)
    answer(client, prompt, retry_cell=True, source="this.set_output(rows=7)")
    assert execution.wait().output == {"rows": 7}
    client.close()

    assert run_wrapped("edited", ("cache", {})).status is S.ENDED_ERROR


def test_cache_keeps_no_failure_and_nothing_old(register_counter, run_wrapped):
    register_counter("moody", good_from=2)

    assert run_wrapped("moody", ("cache", {})).status is S.ENDED_ERROR
    assert run_wrapped("moody", ("cache", {})).output == {"times": 2}
    assert run_wrapped("moody", ("cache", {"max_age_minutes": 0})).output == {
        "times": 3
    }


# -- notify ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "parameters", "subject"),
    [
        ("pass", {}, None),
        ("pass", {"notify_on_success": True}, "told succeeded"),
        (FAILS, {}, "told failed"),
        (FAILS, {"notify_on_error": False}, None),
        (CANCELLED, {}, "told was cancelled"),
        (FAILS, {"subject": "Oh, {child_name}!"}, "Oh, told!"),
        (
            "pass",
            {"notify_on_success": True, "subject": "{child_name} {day}{} {0.x} {"},
            "told {day}{} {0.x} {",
        ),
        (FAILS, {"subject": "x" * 2_000}, "x" * 1_000),
    ],
)
def test_notify_says_how_it_ended(
    client, register, run_wrapped, source, parameters, subject
):
    register("told", source)

    execution = run_wrapped("told", ("notify", parameters))

    [child] = execution.children
    assert execution.status is child.status
    messages = [
        message
        for message in client.get("/message")
        if message["execution_id"] == execution.execution_id
    ]
    assert [message["subject"] for message in messages] == (
        [subject] if subject else []
    )
    assert {message["status"] for message in messages} <= {"NOTE"}


# -- check -----------------------------------------------------------------------------------


def test_check_runs_another_flow_on_the_output(register, run_wrapped):
    register("rows", "this.set_output(rows=inputs['n'])")
    register("looks", "assert inputs['output']['rows'] >= inputs['least']")
    check = ("check", {"checker_flow": "looks", "inputs": {"least": 3}})

    assert run_wrapped("rows", check, n=3).output == {"rows": 3}
    bad = run_wrapped("rows", check, n=2)

    assert bad.status is S.ENDED_ERROR
    assert "looks" in bad.get("message")


@pytest.mark.parametrize(
    ("source", "status"), [(FAILS, S.ENDED_ERROR), (CANCELLED, S.ENDED_CANCELLED)]
)
def test_check_does_not_run_after_a_failure(register, run_wrapped, source, status):
    register("bad", source)
    register("looks", "pass")

    execution = run_wrapped("bad", ("check", {"checker_flow": "looks"}))

    assert execution.status is status
    assert len(execution.children) == 1


def test_check_without_a_checker_is_an_error(register, run_wrapped):
    register("good", "pass")

    assert "needs `checker_flow`" in run_wrapped("good", ("check", {})).get("message")


# -- all of them -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapper", ["interactive", "retry", "timeout", "cache", "notify", "check"]
)
@pytest.mark.parametrize(
    ("source", "status"),
    [("this.set_output(n=1)", S.ENDED_SUCCESS), (CANCELLED, S.ENDED_CANCELLED)],
)
def test_a_wrapper_ends_as_its_child(register, run_wrapped, wrapper, source, status):
    register("ends", source)
    register("looks", "pass")
    parameters = {"checker_flow": "looks"} if wrapper == "check" else {}

    execution = run_wrapped("ends", (wrapper, parameters))

    assert execution.status is status
    assert execution.output == ({"n": 1} if status is S.ENDED_SUCCESS else None)


def test_wrappers_nest_the_first_one_outermost(register_counter, run_wrapped):
    register_counter("nested", good_from=2)
    uses = [("timeout", {"timeout_sec": 60}), ("retry", {"delay_sec": 0})]

    execution = run_wrapped("nested", *uses)

    assert execution.output == {"times": 2}
    assert execution.get("name") == "nested (timeout)"
    [inner] = execution.children
    assert inner.get("flow_name") == "retry"
    assert [execution.get("flow_name") for execution in inner.children] == [
        "nested",
        "nested",
    ]
    types = [execution.get("type") for execution in (execution, inner, *inner.children)]
    assert types == ["WRAPPER", "WRAPPER", "FLOW", "FLOW"]


def test_a_flow_calls_another_one_through_a_wrapper(register_counter, register, run):
    times = register_counter("shaky", good_from=2)
    register(
        "caller",
        "child = this.using('retry', delay_sec=0).flow('shaky')\n"
        "this.set_output(child=child.output)",
    )

    assert run("caller").output == {"child": {"times": 2}}
    assert times() == 2


def test_a_person_writes_a_wrapper(shell, register_counter):
    times = register_counter("once_more")
    shell.run_cell(
        "%%wrapper twice\n"
        "PARAMETERS = {'word': 'done'}\n"
        "def handler(system, this, inputs):\n"
        "    this.wrapped.start().wait()\n"
        "    child = this.wrapped.start().wait()\n"
        "    this.log(inputs['word'], this.wrapped.name)\n"
        "    return this.wrapped.end_as(child)"
    ).raise_error()

    shell.run_cell("done = %flow_run once_more --using twice --word 'all done'")

    assert shell.user_ns["done"].output == {"times": 1}, times()


def test_a_flow_is_wrapped_where_it_is_written(shell, tmp_path):
    shell.run_cell(
        "%%flow written --wrapper retry --delay-sec 0 --max-tries 2\n"
        "assert this.get('retry_of')\n"
        "this.set_output(n=1)"
    ).raise_error()

    shell.run_cell("done = %flow_run written").raise_error()

    assert shell.user_ns["done"].output == {"n": 1}
    shell.run_cell("%%flow written\nthis.set_output(n=2)").raise_error()
    shell.run_cell("done = %flow_run written").raise_error()
    assert shell.user_ns["done"].get("type") == "FLOW"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--using retri", "There is no wrapper 'retri'. Did you mean 'retry'?"),
        ("--using retry --tries 2", "has no parameter 'tries'"),
        ("--using retry --max-tries", "--max-tries needs a value"),
        ("--using retry --max-tries many", "it takes a number. The default is 3"),
        ("--using retry --max-tries 2.5", "is 2.5; give a whole number from 1 to"),
        ("--using timeout --timeout-sec -1", "is -1; give a number from 0.001 to"),
        ("--using timeout --timeout-sec nan", "is 'nan'; it takes a number"),
    ],
)
def test_a_wrong_wrapper_is_refused_at_once(shell, register, words, sentence):
    register("plain", "pass")

    with pytest.raises(BadArgument, match=sentence.replace("?", "[?]")):
        shell.run_cell(f"%flow_run plain {words}").raise_error()
    result = command("run", "plain", *words.split())

    assert result.returncode == 2
    assert sentence in result.stderr


def test_the_command_takes_wrappers(register_counter):
    register_counter("shy", good_from=2)

    result = command("run", "shy", "--json", "--using", "retry", "--delay-sec", "0")

    assert json.loads(result.stdout)["output"] == {"times": 2}


def test_a_registered_flow_is_wrapped_and_unwrapped(register_counter):
    times = register_counter("later", good_from=2)

    result = command("flow", "wrap", "later", "--using", "retry", "--delay-sec=0")
    assert result.stdout.startswith(
        "'later' now runs through retry (max_tries=3, delay_sec=0"
    )
    assert "wrapped by:" in command("flow", "show", "later").stdout
    assert command("run", "later").returncode == 0
    assert times() == 2

    assert (
        command("flow", "wrap", "later").stdout == "'later' no longer has a wrapper.\n"
    )
    record = json.loads(command("run", "later", "--json").stdout)
    assert (record["type"], record["output"]) == ("FLOW", {"times": 3})


def test_a_retry_takes_the_current_source(client, register):
    register("edited", FAILS)
    execution = start_flow(client, "edited", using=INTERACTIVE, is_interactive=True)
    prompt = open_prompt(client, execution)
    register("edited", "this.set_output(n=1)")

    answer(client, prompt, retry=True)

    assert execution.wait(timeout=60).output == {"n": 1}


def test_a_wrapper_that_was_lost_continues_with_the_running_try(own_home, tmp_path):
    client = Client(own_home, started_by="test")
    counter = tmp_path / "counter"
    path = tmp_path / "slow.py"
    path.write_text(
        f"with open({str(counter)!r}, 'a') as file:\n    file.write('x')\n"
        f"if len(open({str(counter)!r}).read()) == 1:\n    this.sleep(600)\n"
    )
    execution = start_flow(client, path, using=[{"name": "retry", "inputs": {}}])
    until(counter.exists)
    until(lambda: "Waiting until" in str(execution.children[0].load("message")))

    for worker in workers_of(own_home):
        worker.kill()

    until(lambda: execution.status.is_ended, seconds=90)
    assert execution.status is S.ENDED_SUCCESS
    [child] = execution.children
    assert child.load("losses") == 1
    client.close()


def test_retry_keeps_its_count_when_it_was_lost_between_two_tries(own_home, tmp_path):
    client = Client(own_home, started_by="test")
    path = tmp_path / "bad.py"
    path.write_text(FAILS)
    using = [{"name": "retry", "inputs": {"max_tries": 2, "delay_sec": 2}}]
    execution = start_flow(client, path, using=using)
    until(lambda: "Waiting until" in str(execution.load("message")))

    for worker in workers_of(own_home):
        worker.kill()

    until(lambda: execution.status.is_ended, seconds=90)
    assert execution.status is S.ENDED_ERROR
    assert len(execution.children) == 2
    client.close()


def test_a_flow_with_the_name_of_a_wrapper_does_not_replace_it(register, run_wrapped):
    register("cache", "this.set_output(n=1)")

    assert run_wrapped("cache", ("cache", {})).output == {"n": 1}
