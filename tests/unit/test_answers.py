"""Of several people who answer, each hears who was first, also when it was over at once."""

import pytest

from flowkernel.core.errors import NotOpen
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind as K
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine.prompts.inbox import Inbox, MessageAnswer, MessageRequest
from flowkernel.engine.start_plan import StartRequest
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
