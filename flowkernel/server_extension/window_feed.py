"""What one window gets next: the state of the engine, where it begins, what changed."""

from collections.abc import Callable

from flowkernel.core.json_values import dumps
from flowkernel.server_extension.changes_upstream import ChangesUpstream
from flowkernel.server_extension.home_engine import EngineReport, PanelState
from flowkernel.server_extension.recent_changes import RecentChanges, WindowPosition


class WindowFeed:
    """The messages of one window, one after the other. It holds a position, and no rows.

    Args:
        upstream: What all windows follow.
        after_seq: The number up to which the window has everything; None: it has nothing.
        state_text: Makes the message about a state of the engine.
    """

    def __init__(
        self,
        upstream: ChangesUpstream,
        after_seq: int | None,
        state_text: Callable[[EngineReport], str],
    ) -> None:
        self._upstream = upstream
        self._after_seq = after_seq
        self._state_text = state_text
        self._report: EngineReport | None = None  #: What the window knows.
        self._position: WindowPosition | None = None  #: None: it has not begun.

    def next_text(self) -> str | None:
        """The next message, which has to be sent; None: the window knows everything."""
        report, recent = self._upstream.report, self._upstream.recent
        if report is not None and report != self._report:
            self._report = report
            return self._state_text(report)
        if recent is None or report is None:
            return None
        if self._position is None and self._after_seq is None:
            return self._start_text(recent, report)
        if self._position is None:  # It comes back, and continues.
            self._position = self._upstream.first_position(self._after_seq or 0)
        message = self._position and recent.message_after(self._position)
        if message is None:
            return None
        self._position = message.position
        return message.text

    def _start_text(self, recent: RecentChanges, report: EngineReport) -> str | None:
        """Where it begins: only when there is an engine that its lists can come from."""
        if report.state is not PanelState.READY:
            return None
        self._position = recent.position_now()
        return dumps({"kind": "start", "seq": self._position.seq})
