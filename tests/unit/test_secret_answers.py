"""A password that was typed into a prompt is in memory as long as its flow may read it."""

import asyncio

from flowkernel.config import Config
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.prompts.inbox import MessageAnswer, MessageRequest
from flowkernel.engine.running_engine import Engine
from flowkernel.engine.start_plan import StartRequest
from flowkernel.home import Home
from tests.stage import ENGINE_FILE, NoProcesses

PASSWORD = {"properties": {"word": {"element": "password"}}}


def answered_question(engine):
    """A flow that runs asks for a password, and gets it."""
    engine.service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
    id_ = engine.service.start(StartRequest(flow="f")).execution_id
    engine.store.append([make_event(id_, EventKind.STARTED, worker="w")])
    message = engine.inbox.send(id_, MessageRequest(subject="?", body=PASSWORD))
    answer = MessageAnswer(response={"word": "xyzzy"})
    return engine.inbox.answer(message.message_id, answer)


def test_a_password_is_forgotten_when_its_flow_has_ended(tmp_path):
    home = Home(tmp_path)
    home.prepare()

    async def live(engine):
        engine.follow_store()
        message = answered_question(engine)
        record = engine.inbox.with_secrets(message)
        assert record["response"]["word"] == "xyzzy"
        ended = {"status": ExecutionStatus.ENDED_SUCCESS}
        engine.store.append(
            [make_event(message.execution_id, EventKind.ENDED, **ended)]
        )
        await asyncio.sleep(0)  # It hears of what was recorded.
        await asyncio.sleep(0)
        assert engine.inbox._secret_responses == {}

    processes = NoProcesses(home)
    with Engine(home, Config(), ENGINE_FILE, processes=processes) as engine:
        asyncio.run(live(engine))
