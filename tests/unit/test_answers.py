"""Of several people who answer, each hears who was first, also when it was over at once."""

import time

import pytest

from flowkernel.core.errors import NotOpen
from flowkernel.core.event_factory import make_event
from flowkernel.core.message_projection import why_not_open
from flowkernel.core.models import EventKind as K
from flowkernel.core.models import Message
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import MessageStatus
from flowkernel.display.columns import moment_text
from flowkernel.engine.prompts.inbox import Inbox, MessageAnswer, MessageRequest
from flowkernel.engine.start_plan import StartRequest
from tests.records import NOON
from tests.stage import service

__all__ = ["service"]


def test_who_is_late_hears_who_was_first_though_the_flow_has_ended(service):
    """The other answer is recorded, and carried out, while this one is checked."""
    id_ = service.start(StartRequest(flow="f")).execution_id
    service.store.append([make_event(id_, K.STARTED, worker="w")])
    form = {"properties": {"word": {"element": "string"}}}
    message = Inbox(service).send(id_, MessageRequest(subject="?", body=form))

    def answer_and_end(_message, _response):
        first = MessageAnswer(response={"word": "a"}, answered_by="Ada")
        Inbox(service).answer(message.message_id, first)
        service.store.append([make_event(id_, K.ENDED, status=S.ENDED_SUCCESS)])

    late = Inbox(service, check=answer_and_end)
    with pytest.raises(NotOpen, match="Ada has already answered, at "):
        late.answer(message.message_id, MessageAnswer(response={"word": "b"}))


def test_who_was_first_is_shown_in_the_time_of_this_place(monkeypatch):
    """As `message show` shows it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        message = Message(
            message_id="m",
            execution_id="e",
            root_id="e",
            subject="?",
            message=None,
            message_type="INFO",
            created_at=NOON,
            status=MessageStatus.ANSWERED,
            answered_at=NOON,
            answered_by="ada",
        )

        assert f"at {moment_text(NOON)} from" in why_not_open(message)
        assert "at 2026-01-01 21:00:00 from" in why_not_open(message)
    finally:
        monkeypatch.undo()
        time.tzset()
