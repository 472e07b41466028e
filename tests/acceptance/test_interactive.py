"""A flow that fails asks a person who is there, and its kernel stays alive."""

import json

import nbformat
import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import BadAnswer
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.flows import (
    INTERACTIVE,
    answer,
    open_prompt,
    start_flow,
    write_notebook,
)
from tests.conftest import kill_engine, until, workers_of

pytestmark = pytest.mark.kernel


@pytest.fixture
def notebook(tmp_path):
    """An expensive first cell, which counts how often it ran, and one that fails."""
    counter = tmp_path / "counter"
    path = write_notebook(
        tmp_path / "sums.ipynb",
        f"with open({str(counter)!r}, 'a') as file:\n    file.write('x')\nprice = 3",
        "total = price * amount",
        "this.set_output(total=total)",
    )
    return path, counter


def test_a_cell_is_edited_and_retried_in_the_live_kernel(person, notebook):
    path, counter = notebook
    execution = start_flow(person, path, using=INTERACTIVE)
    prompt = open_prompt(person, execution)
    cell = "Cell 2 of 3 (total = price * amount)"
    assert f"{cell}: NameError: name 'amount' is not defined" in prompt["message"]
    assert prompt["body"]["properties"]["source"]["default"] == "total = price * amount"

    answer(person, prompt, retry_cell=True, source="amount = 4\ntotal = price * amount")

    execution.wait()
    assert execution.output == {"total": 12}
    assert counter.read_text() == "x"
    [child] = execution.children
    text = json.loads(child.notebook.read_text())
    sources = ["".join(cell["source"]) for cell in text["cells"]]
    banner, mended = sources[1:3]
    assert mended == "amount = 4\ntotal = price * amount"
    assert banner.startswith("**Source changed by ada** on ")
    assert "```diff\n--- before\n+++ after" in banner
    assert "1 cell edited by ada" in repr(child)
    assert child.get("mended_cells", "decided_by") == (1, "ada")
    assert execution.load("mended_cells", "decided_by") == (1, "ada")
    rows = person.sql(
        "SELECT cell_number, first_line, status FROM cell_run WHERE "
        f"execution_id = '{child.execution_id}' ORDER BY started_at"
    )["rows"]
    assert [row[0] for row in rows] == [1, 2, 2, 3]
    assert rows[1][1:] == ["total = price * amount", "ERROR"]
    assert rows[2][1:] == ["amount = 4", "SUCCESS"]
    [row] = person.sql(
        "SELECT actor, payload->>'verb', payload->>'decided_from', "
        "payload->>'difference' FROM event WHERE kind = 'decided' AND "
        f"execution_id = '{child.execution_id}'"
    )["rows"]
    assert row[:3] == ["ada", "retry_cell", "notebook"]
    assert "+amount = 4" in row[3]


def test_without_a_person_it_ends_with_the_error_at_once(own_home, notebook):
    client = Client(own_home, started_by="cron")
    execution = start_flow(client, notebook[0], using=INTERACTIVE)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)

    assert execution.status is S.ENDED_ERROR
    assert "name 'amount' is not defined" in execution.get("message")
    assert client.get("/message") == []


def test_an_interactive_run_waits_for_an_answer(own_home, notebook):
    client = Client(own_home, started_by="cron")
    execution = start_flow(client, notebook[0], using=INTERACTIVE, is_interactive=True)

    prompt = open_prompt(client, execution)

    assert prompt["expires_at"] is None
    answer(client, prompt, fail=True)
    execution.wait(ReturnWhen.ALL_ENDED)
    assert execution.status is S.ENDED_ERROR


def test_a_cell_is_skipped_with_values(person, notebook):
    path, counter = notebook
    execution = start_flow(person, path, using=INTERACTIVE)

    answer(person, open_prompt(person, execution), skip=True, values={"total": 99})

    execution.wait()
    assert execution.output == {"total": 99}
    assert counter.read_text() == "x"
    [child] = execution.children
    assert child.get("skipped_cells", "decided_by") == (1, "ada")
    notebook = nbformat.read(child.notebook, as_version=4)
    banner, broken = notebook.cells[1:3]
    assert banner.source.startswith("**Skipped by ada** on ")
    assert '"total": 99' in banner.source
    assert broken.outputs[-1].ename == "NameError"
    duration = Execution.from_json(child.load_all()).duration
    assert 0 < child.get("answer_seconds") < duration
    assert "succeeded, 1 cell skipped by ada" in execution.tree().splitlines()[0]


def test_it_is_retried_from_its_start(person, register):
    register("flaky", "1 / (0 if this.get('retry_of') is None else 1)")
    execution = start_flow(person, "flaky", using=INTERACTIVE)
    prompt = open_prompt(person, execution)

    answer(person, prompt, retry=True)

    execution.wait()
    first, second = execution.children
    assert second.get("retry_of") == first.execution_id
    assert (first.get("status"), first.get("is_archived")) == (S.ENDED_ERROR, True)


def test_it_is_retried_with_other_inputs(person, register):
    register("divide", "this.set_output(result=12 / inputs['by'])")
    execution = start_flow(person, "divide", by=0, using=INTERACTIVE)
    prompt = open_prompt(person, execution)
    assert prompt["body"]["properties"]["inputs.by"]["default"] == 0

    answer(person, prompt, retry_with_inputs=True, **{"inputs.by": 3})

    assert execution.wait().output == {"result": 4.0}
    _, second = execution.children
    changed = second.load("inputs_changed_by", "replaced_inputs")
    assert changed == ("ada", {"by": 0})
    banner = nbformat.read(second.notebook, as_version=4).cells[0]
    assert banner.source.startswith("**Inputs changed by ada** on ")


def test_it_fails_as_a_person_decided(person, register):
    register("broken", "1 / 0")
    register("parent", "this.using('interactive').flow('broken')")
    execution = start_flow(person, "parent", using=[])

    answer(person, open_prompt(person, execution), fail=True)

    execution.wait(ReturnWhen.ALL_ENDED)
    assert execution.status is S.ENDED_ERROR
    assert "division by zero" in execution.get("message")


def test_the_whole_family_is_cancelled(person, register):
    register("broken", "1 / 0")
    register("parent", "this.using('interactive').flow('broken')")
    execution = start_flow(person, "parent", using=[])

    answer(person, open_prompt(person, execution), cancel_all=True)

    until(lambda: execution.status.is_ended)
    assert execution.status is S.ENDED_CANCELLED

    def statuses():
        tree = person.tree(execution.execution_id)["executions"]
        return {record["status"] for record in tree}

    until(lambda: statuses() == {S.ENDED_CANCELLED})


def test_a_parked_execution_holds_no_slot(person, register, run, notebook):
    register("other", "pass")
    executions = [start_flow(person, notebook[0], using=INTERACTIVE) for _ in range(5)]
    prompts = [open_prompt(person, execution) for execution in executions]

    assert run("other").status is S.ENDED_SUCCESS

    for prompt in prompts:
        answer(person, prompt, fail=True)


def test_children_that_succeeded_are_not_run_twice(person, register, tmp_path):
    counter = tmp_path / "counter"
    register("child", f"open({str(counter)!r}, 'a').write('x')")
    register("parent", "this.flow('child')\nthis.set_output(is_ready=ready)")
    execution = start_flow(person, "parent", using=INTERACTIVE)

    source = "ready = True\nthis.flow('child')\nthis.set_output(is_ready=ready)"
    answer(person, open_prompt(person, execution), retry_cell=True, source=source)

    assert execution.wait().output == {"is_ready": True}
    assert counter.read_text() == "x"


def test_a_handler_is_edited_where_it_is_defined(person, register):
    source = "def handler(system, this, inputs):\n    this.set_output(n=number)"
    register("handled", source)
    execution = start_flow(person, "handled", using=INTERACTIVE)
    prompt = open_prompt(person, execution)
    assert prompt["body"]["properties"]["source"]["default"] == source

    answer(person, prompt, retry_cell=True, source=source.replace("number", "7"))

    assert execution.wait().output == {"n": 7}


def test_after_the_kernel_died_the_other_choices_stay(own_home, notebook):
    client = Client(own_home, started_by="ada (notebook)")
    execution = start_flow(client, notebook[0], using=INTERACTIVE, is_interactive=True)
    prompt = open_prompt(client, execution)

    for worker in workers_of(own_home):
        worker.kill()
    [child] = execution.children
    until(lambda: child.load("parked_at") is None, seconds=60)

    with pytest.raises(BadAnswer, match="Retry cell is no longer possible"):
        answer(client, prompt, retry_cell=True)
    answer(client, prompt, fail=True)
    until(lambda: execution.status.is_ended, seconds=60)
    assert execution.status is S.ENDED_ERROR


def test_a_prompt_survives_the_engine(own_home, notebook):
    client = Client(own_home, started_by="ada (notebook)")
    execution = start_flow(client, notebook[0], using=INTERACTIVE, is_interactive=True)
    prompt = open_prompt(client, execution)

    kill_engine(own_home)
    source = "amount = 2\ntotal = price * amount"
    answer(client, prompt, retry_cell=True, source=source)

    until(lambda: execution.status.is_ended, seconds=60)
    assert execution.output == {"total": 6}
    assert notebook[1].read_text() == "x"
