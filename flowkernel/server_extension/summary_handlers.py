"""`flowkernel/summary/...`: what many executions have in common."""

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from flowkernel.core.errors import BadArgument
from flowkernel.server_extension.panel_handler import RESOURCE, PanelHandler

DAYS = 30  #: Of the charts, if nothing is said.


class HomeSummaryHandler(PanelHandler):
    """What one opens in the morning."""

    @authenticated
    @authorized("read", RESOURCE)
    async def get(self) -> None:
        """What failed since `since`."""
        since = self.get_query_argument("since", None)
        self.finish_json(await self.panel.summaries.home(since))


class FlowSummaryHandler(PanelHandler):
    """The flows at a glance."""

    @authenticated
    @authorized("read", RESOURCE)
    async def get(self) -> None:
        """Of each flow its last runs."""
        self.finish_json(await self.panel.summaries.flows())


class ChartSummaryHandler(PanelHandler):
    """The flows over days."""

    @authenticated
    @authorized("read", RESOURCE)
    async def get(self) -> None:
        """Runs, failures and durations of the last `days`."""
        text = self.get_query_argument("days", str(DAYS))
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            raise BadArgument(f"`days` is {text[:100]!r}; it is a number.")
        self.finish_json(await self.panel.summaries.charts(int(text)))
