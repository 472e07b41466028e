"""When a flow fails and a person is there: ask; the failed kernel stays alive."""

import json

import nbformat
import pytest

from flowkernel.client.client import Client
from flowkernel.client.flow_source import start_request
from flowkernel.core.errors import BadAnswer
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.conftest import kill_engine, until, workers_of

pytestmark = pytest.mark.kernel

INTERACTIVE = [{"name": "interactive", "inputs": {}}]


@pytest.fixture
def person(home):
    """Somebody who is there: the engine has just heard of them."""
    client = Client(home, started_by="ada (notebook)")
    client.channel = "notebook"
    client.get("/flow")
    yield client
    client.close()


@pytest.fixture
def notebook(tmp_path):
    """An expensive first cell, which counts how often it ran, and one that fails."""
    counter = tmp_path / "counter"
    cells = [
        f"with open({str(counter)!r}, 'a') as file:\n    file.write('x')\nprice = 3",
        "total = price * amount",
        "this.set_output(total=total)",
    ]
    path = tmp_path / "sums.ipynb"
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    nbformat.write(made, path)
    return path, counter


def begin(client, target, *, using=INTERACTIVE, interactive=False, **inputs):
    request = {**start_request(str(target), inputs), "using": using}
    request["is_interactive"] = interactive
    return Execution(client, client.start(request).execution_id)


def prompt_in(client, execution):
    """The prompt that arises somewhere under it."""
    root = execution.get("root_id")

    def found():
        waiting = client.get("/message", is_open="true")
        return [m for m in waiting if m["root_id"] == root and m["about_id"]]

    [message] = until(found, seconds=40)
    return message


def answer(client, message, **response):
    return client.answer(message["message_id"], response, answered_from="notebook")


def test_a_cell_is_mended_and_retried_in_the_live_kernel(person, notebook):
    path, counter = notebook
    execution = begin(person, path)
    prompt = prompt_in(person, execution)
    assert "Cell 2 of 3: NameError: name 'amount' is not defined" in prompt["message"]
    assert prompt["body"]["properties"]["source"]["default"] == "total = price * amount"

    answer(person, prompt, retry_cell=True, source="amount = 4\ntotal = price * amount")

    execution.wait()
    assert execution.output == {"total": 12}
    assert counter.read_text() == "x"
    [child] = execution.children
    text = json.loads(child.notebook.read_text())
    sources = ["".join(cell["source"]) for cell in text["cells"]]
    assert sources[1] == "amount = 4\ntotal = price * amount"
    [row] = person.sql(
        "SELECT actor, payload->>'verb', payload->>'decided_from', "
        "payload->>'difference' FROM event WHERE kind = 'decided' AND "
        f"execution_id = '{child.execution_id}'"
    )["rows"]
    assert row[:3] == ["ada", "retry_cell", "notebook"]
    assert "+amount = 4" in row[3]


def test_nobody_there_ends_with_the_error_at_once(own_home, notebook):
    client = Client(own_home, started_by="cron")
    execution = begin(client, notebook[0])

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)

    assert execution.status is S.ENDED_ERROR
    assert "name 'amount' is not defined" in execution.get("message")
    assert client.get("/message") == []


def test_somebody_said_that_they_will_answer(own_home, notebook):
    client = Client(own_home, started_by="cron")
    execution = begin(client, notebook[0], interactive=True)

    prompt = prompt_in(client, execution)

    assert prompt["expires_at"] is None
    answer(client, prompt, fail=True)
    execution.wait(ReturnWhen.ALL_ENDED)
    assert execution.status is S.ENDED_ERROR


def test_a_cell_is_skipped_with_values(person, notebook):
    path, counter = notebook
    execution = begin(person, path)

    answer(person, prompt_in(person, execution), skip=True, values={"total": 99})

    execution.wait()
    assert execution.output == {"total": 99}
    assert counter.read_text() == "x"


def test_it_is_retried_from_its_start(person, register):
    register("flaky", "1 / (0 if this.get('retry_of') is None else 1)")
    execution = begin(person, "flaky")
    prompt = prompt_in(person, execution)

    answer(person, prompt, retry=True)

    execution.wait()
    first, second = execution.children
    assert second.get("retry_of") == first.execution_id
    assert (first.get("status"), first.get("is_archived")) == (S.ENDED_ERROR, True)


def test_it_is_retried_with_other_inputs(person, register):
    register("divide", "this.set_output(result=12 / inputs['by'])")
    execution = begin(person, "divide", by=0)
    prompt = prompt_in(person, execution)
    assert prompt["body"]["properties"]["inputs.by"]["default"] == 0

    answer(person, prompt, retry_with_inputs=True, **{"inputs.by": 3})

    assert execution.wait().output == {"result": 4.0}


def test_it_fails_as_somebody_decided(person, register):
    register("broken", "1 / 0")
    register("parent", "this.using('interactive').flow('broken')")
    execution = begin(person, "parent", using=[])

    answer(person, prompt_in(person, execution), fail=True)

    execution.wait(ReturnWhen.ALL_ENDED)
    assert execution.status is S.ENDED_ERROR
    assert "division by zero" in execution.get("message")


def test_the_whole_family_is_cancelled(person, register):
    register("broken", "1 / 0")
    register("parent", "this.using('interactive').flow('broken')")
    execution = begin(person, "parent", using=[])

    answer(person, prompt_in(person, execution), cancel_all=True)

    until(lambda: execution.status.is_ended)
    assert execution.status is S.ENDED_CANCELLED

    def statuses():
        tree = person.tree(execution.execution_id)["executions"]
        return {one["status"] for one in tree}

    until(lambda: statuses() == {S.ENDED_CANCELLED})


def test_what_is_parked_holds_no_slot(person, register, run, notebook):
    register("other", "pass")
    executions = [begin(person, notebook[0]) for _ in range(5)]
    prompts = [prompt_in(person, execution) for execution in executions]

    assert run("other").status is S.ENDED_SUCCESS

    for prompt in prompts:
        answer(person, prompt, fail=True)


def test_children_that_succeeded_are_not_run_twice(person, register, tmp_path):
    counter = tmp_path / "counter"
    register("child", f"open({str(counter)!r}, 'a').write('x')")
    register("parent", "this.flow('child')\nthis.set_output(is_there=wanted)")
    execution = begin(person, "parent")

    mended = "wanted = True\nthis.flow('child')\nthis.set_output(is_there=wanted)"
    answer(person, prompt_in(person, execution), retry_cell=True, source=mended)

    assert execution.wait().output == {"is_there": True}
    assert counter.read_text() == "x"


def test_a_handler_is_mended_where_it_is_defined(person, register):
    source = "def handler(system, this, inputs):\n    this.set_output(n=number)"
    register("handled", source)
    execution = begin(person, "handled")
    prompt = prompt_in(person, execution)
    assert prompt["body"]["properties"]["source"]["default"] == source

    answer(person, prompt, retry_cell=True, source=source.replace("number", "7"))

    assert execution.wait().output == {"n": 7}


def test_a_dead_kernel_leaves_what_is_still_possible(own_home, notebook):
    client = Client(own_home, started_by="ada (notebook)")
    execution = begin(client, notebook[0], interactive=True)
    prompt = prompt_in(client, execution)

    for worker in workers_of(own_home):
        worker.kill()
    [child] = execution.children
    until(lambda: child.load("parked_at") is None, seconds=60)

    with pytest.raises(BadAnswer, match="Retry cell is no longer possible"):
        answer(client, prompt, retry_cell=True)
    answer(client, prompt, fail=True)
    until(lambda: execution.status.is_ended, seconds=60)
    assert execution.status is S.ENDED_ERROR


def test_an_engine_that_is_killed_forgets_no_prompt(own_home, notebook):
    client = Client(own_home, started_by="ada (notebook)")
    execution = begin(client, notebook[0], interactive=True)
    prompt = prompt_in(client, execution)

    kill_engine(own_home)
    mended = "amount = 2\ntotal = price * amount"
    answer(client, prompt, retry_cell=True, source=mended)

    until(lambda: execution.status.is_ended, seconds=60)
    assert execution.output == {"total": 6}
    assert notebook[1].read_text() == "x"
