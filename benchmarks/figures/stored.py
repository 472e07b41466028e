"""One warm execution with 1,000,000 executions stored, against an empty store.

Ourselves against ourselves: the same notebook, the same settings, two homes and two
engines, in turn. Each value is the median of five, for the ratio sought is a small one.
"""

from contextlib import ExitStack
from statistics import median

from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.million import make_home
from benchmarks.notebooks import two_cells
from benchmarks.running_engine import running_engine
from flowkernel.home import Home

TIMES = 5


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """Two homes."""
    path = two_cells(bench.folder)
    make_home(Home(bench.folder / "full"), bench.of(1_000_000, 20_000))
    empty = stack.enter_context(running_engine(bench, "empty"))
    full = stack.enter_context(running_engine(bench, "full"))
    return {
        "empty": lambda: median(empty.seconds(path, n=1) for _ in range(TIMES)),
        "1,000,000 stored": lambda: median(
            full.seconds(path, n=1) for _ in range(TIMES)
        ),
    }


FIGURE = Figure(
    name="stored",
    title="One warm execution with 1,000,000 stored",
    unit="s",
    claims=(
        Claim(
            us="1,000,000 stored",
            peer="empty",
            reading=Reading.SHARE,
            at_least=1.15,
            aim=1.05,
        ),
    ),
    sides=sides,
)
