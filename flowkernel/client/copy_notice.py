"""A sentence for who waits until the engine has copied the database for SQL."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from flowkernel.core.errors import FlowkernelError

if TYPE_CHECKING:
    from flowkernel.client.client import Client

NOTE_SECONDS = 1.0  #: A wait of this length needs a sentence.


@contextmanager
def copy_notice(
    client: "Client", on_wait: Callable[[str], None] | None
) -> Iterator[None]:
    """Call `on_wait` with a sentence, in a thread, if a query waits long for the copy.

    Args:
        on_wait: None: nobody is told.
    """
    timer = threading.Timer(NOTE_SECONDS, _explain, [client, on_wait])
    timer.daemon = True
    if on_wait is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _explain(client: "Client", on_wait: Callable[[str], None]) -> None:
    with suppress(OSError, FlowkernelError, http.client.HTTPException):
        status = client.get("/engine")
        if status.get("sql_reader", {}).get("state") == "starting":
            on_wait(
                f"Copying the database for SQL ({status['database_bytes']:,} bytes). The next "
                "queries need not wait."
            )
    client.close()  # The connection of this thread, which ends.
