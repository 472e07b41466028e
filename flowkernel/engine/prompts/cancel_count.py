"""How many runs *Cancel all* ends, counted at the moment at which a person looks."""

from flowkernel.core.errors import ExecutionNotFound
from flowkernel.core.models import DecisionVerb, Json, Message
from flowkernel.core.status import MessageStatus
from flowkernel.engine.execution_verbs import live_subtree
from flowkernel.engine.prompts.failure_prompt import cancel_words
from flowkernel.store import Batch, Store

CANCEL_ALL = DecisionVerb.CANCEL_ALL


def cancel_count(store: Store, execution_id: str) -> int:
    """How many runs a cancel of the family of an execution would end now.

    Raises:
        ExecutionNotFound: It was deleted.
    """

    def count(batch: Batch) -> int:
        top = batch.topmost_live(execution_id)
        family = batch.live_family(top.root_id)
        return len(live_subtree(top, family, batch.find_execution))

    return store.decide(count)


def with_current_count(store: Store, message: Message) -> dict[str, Json]:
    """A message as JSON; an open prompt says how many runs *Cancel all* would end now."""
    record = message.to_json()
    properties = (message.body or {}).get("properties", {})
    is_open = message.status is MessageStatus.OPEN
    if not is_open or message.about_id is None or CANCEL_ALL not in properties:
        return record
    try:
        words = cancel_words(cancel_count(store, message.about_id))
    except ExecutionNotFound:  # The prompt is about to be closed.
        return record
    button = properties[CANCEL_ALL] | words
    body = message.body | {"properties": properties | {str(CANCEL_ALL): button}}
    return record | {"body": body}
