"""A flow asks a person, holds no slot meanwhile, and continues with the answer."""

import pytest

from flowkernel.core.status import ExecutionStatus as S
from tests.conftest import until, workers_of

pytestmark = pytest.mark.kernel

ASKING = """
answer = this.message(
    "Which day?",
    body={
        "type": "object",
        "properties": {
            "day": {"element": "date", "label": "Day"},
            "go": {"element": "submit", "label": "Go on"},
            "skip": {"element": "submit", "label": "Not today", "required": []},
        },
        "required": ["day"],
    },
)
this.set_output(answer.get("response"))
"""


def open_message(client, execution):
    """Its message, as soon as it is there."""

    def open_messages():
        waiting = client.get("/message", is_open="true")
        return [m for m in waiting if m["execution_id"] == execution.execution_id]

    [message] = until(open_messages)
    return message


def answer(client, message, **response):
    return client.answer(message["message_id"], response, answered_from="test")


def test_a_flow_continues_with_the_answer(register, start, client):
    register("asking", ASKING.replace("set_output(", "set_output(response="))
    execution = start("asking")
    message = open_message(client, execution)
    until(lambda: execution.load("status") == S.WAITING)
    short = message["message_id"][:18]
    text = f"Waiting for an answer to 'Which day?' (message {short})."
    assert execution.get("message") == text
    record = client.get(f"/message/{execution.execution_id[-8:]}")
    assert record["message_id"] == message["message_id"]

    answer(client, message, day="2026-01-31", go=True)

    execution.wait()
    assert execution.output == {"response": {"day": "2026-01-31", "go": True}}


def test_a_flow_that_waits_for_a_person_holds_no_slot(register, start, run, client):
    register("asking", "this.message('Well?')")
    register("other", "pass")
    waiting = [start("asking") for _ in range(12)]
    messages = [open_message(client, execution) for execution in waiting]

    assert run("other").status is S.ENDED_SUCCESS

    for message in messages:
        answer(client, message, ok=True)
    for execution in waiting:
        execution.wait()


def test_a_request_is_one_text(register, start, client):
    register(
        "named",
        "m = this.message('You', request='Your name?')\n"
        "this.set_output(name=m.get('response')['string'])",
    )
    execution = start("named")

    answer(client, open_message(client, execution), string="Ada")

    assert execution.wait().output == {"name": "Ada"}


def test_nobody_answers_in_time(register, run):
    register(
        "hasty",
        "from flow_api import MessageResponseTimeoutError\n"
        "try:\n    this.message('Quick!', timeout=0.2)\n"
        "except MessageResponseTimeoutError as error:\n"
        "    this.set_output(said=str(error))",
    )

    assert run("hasty").output == {"said": "Nobody answered 'Quick!' in time."}


def test_a_flow_may_ask_first_and_wait_later(register, start, client):
    register(
        "later",
        "m = this.message('Go?', request='How far?', wait=False)\n"
        "this.set_output(asked=m.get('status'))\n"
        "this.set_output(far=m.wait().get('response')['string'])",
    )
    execution = start("later")

    answer(client, open_message(client, execution), string="12 km")

    assert execution.wait().output == {"asked": "OPEN", "far": "12 km"}


def test_a_flow_that_was_lost_does_not_ask_again(register, start, client, home):
    register("asking", ASKING.replace("set_output(", "set_output(response="))
    execution = start("asking")
    message = open_message(client, execution)
    until(lambda: execution.load("status") == S.WAITING)

    for worker in workers_of(home):
        worker.kill()
    answer(client, message, skip=True)

    until(lambda: execution.status.is_ended, seconds=60)
    assert execution.output == {"response": {"skip": True}}
    assert execution.load("losses") == 1
    result = client.sql(
        f"SELECT count(*) FROM message WHERE execution_id = '{execution.execution_id}'"
    )
    assert result["rows"] == [[1]]


def test_a_flow_that_was_lost_and_asks_something_else_asks_again(
    register, start, client, home, tmp_path
):
    """Its second run deletes something else: yes to the first is not yes to that."""
    first = tmp_path / "first"
    register(
        "deleting",
        f"import os\nis_first = not os.path.exists({str(first)!r})\n"
        f"open({str(first)!r}, 'w').close()\n"
        "this.message('Delete?', 'staging' if is_first else 'production')\n"
        "this.sleep(60 if is_first else 0)",
    )
    execution = start("deleting")
    answer(client, open_message(client, execution), ok=True)
    until(lambda: "until" in (execution.load("message") or ""))

    for worker in workers_of(home):
        worker.kill()

    message = until(lambda: open_message(client, execution), seconds=60)
    assert message["message"] == "production"
    answer(client, message, ok=True)
    until(lambda: execution.status.is_ended, seconds=60)


def test_another_flow_reads_the_answer_to_a_message_that_outlives_its_flow(
    register, start, run, client
):
    """It holds no slot while it waits for the message of a flow that has ended."""
    register(
        "asking",
        'message = system.message(subject="Which day?", request="A day", wait=False)\n'
        'this.set_output(id=message.get("id"))',
    )
    register(
        "reading",
        'answer = system.message(inputs["id"]).wait()\n'
        'this.set_output(day=answer.get("response")["string"])',
    )
    asker = run("asking")
    reader = start("reading", id=asker.output["id"])
    until(lambda: reader.load("status") == S.WAITING)
    message = open_message(client, asker)
    assert message["message_id"] == asker.output["id"]

    answer(client, message, string="monday")

    reader.wait()
    assert reader.output == {"day": "monday"}
    assert asker.load("status", "output") == (S.ENDED_SUCCESS, asker.output)


def test_the_question_of_a_cancelled_flow_is_closed(register, start, client):
    register("asking", "this.message('Well?')")
    execution = start("asking")
    message = open_message(client, execution)

    execution.cancel()

    until(lambda: execution.status is S.ENDED_CANCELLED)
    assert client.get(f"/message/{message['message_id']}")["status"] == "CLOSED"


def test_a_password_reaches_the_flow_but_no_notebook(register, start, client, home):
    register(
        "secret",
        "m = this.message('In', body={'properties': {'word': {'element': 'password'}}})\n"
        "this.set_output(length=len(m.get('response')['word']))",
    )
    execution = start("secret")

    answer(client, open_message(client, execution), word="s3cret", ok=True)

    assert execution.wait().output == {"length": 6}
    text = (home.path / execution.load("notebook_path")).read_text()
    assert "s3cret" not in text
