"""The options of a list of runs, declared once for the command line and for notebooks. Pure."""

from dataclasses import dataclass

from flowkernel.core.status import LABELS


@dataclass(frozen=True, slots=True)
class ListOption:
    """One option."""

    flag: str
    help: str
    #: What stands for its value; None: it takes none.
    metavar: str | None = None


STATUS = ListOption(
    "--status",
    f"Only runs with this status. It is one of: {', '.join(LABELS.values())}. Default: all.",
    "STATUS",
)
FLOW = ListOption("--flow", "Only runs of this flow. Default: all.", "NAME")
SINCE = ListOption(
    "--since",
    "Only runs that are not older: '2 hours', 7d, today, 2026-11-26, 14:00.",
    "WHEN",
)
FAILED = ListOption("--failed", "Only runs that failed.")
RUNNING = ListOption(
    "--running", "Only runs that have not ended: running, waiting, paused, queued."
)
ALL_LEVELS = ListOption("--all-levels", "Also runs that other runs started.")
ALL = ListOption(
    "--all",
    "As --all-levels, and also archived runs. Such are the earlier tries of the wrapper retry.",
)
