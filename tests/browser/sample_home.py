"""A home with what a team has in it after a night: what the pictures of the panel show."""

import random
import sys
import time
from datetime import date, timedelta
from typing import Any

from flowkernel.client.client import Client
from flowkernel.client.flow_source import read_source, start_request
from flowkernel.core.models import Environment, Flow, FlowKind
from tests.browser.families import save
from tests.browser.jupyterlab import Lab
from tests.conftest import until

SALES_REPORT = '''\
import sys
import time
from datetime import date
from typing import Literal


def handler(
    system,
    this,
    *,
    day: date = date(2026, 11, 12),
    shops: list[str] = ["north", "south"],  # One file of each.
    detail: Literal["short", "full"] = "full",
    rate: float = 1.08,
    send: bool = False,  # By mail, to everybody on the list.
):
    """The sales of a day, shop by shop."""
    for shop in shops:
        this.log(f"reading {shop}")
        for hour in range(8, 20):
            print(f"{day} {hour:02}:00 {shop:8} {(hour * 37 + len(shop) * 11) % 90:3} sold")
            time.sleep(0.02)
        print(f"{shop}: prices of yesterday", file=sys.stderr)
    if day.day == 13:
        raise KeyError("sales")
    this.set_output(rows=1204, total=88213.5)
'''
LOAD_ORDERS = '''\
import time
from pathlib import Path


def handler(system, this, *, shop: str = "north"):
    """The orders of one shop."""
    time.sleep({"north": 2, "south": 1.2, "east": 3}.get(shop, 0.8))
    if shop == "west" and not Path("west.csv").exists():
        raise FileNotFoundError("west.csv: the shop has sent nothing")
    this.set_output(rows=402)
'''
APPROVE = '''\
def handler(system, this, *, total: int = 0):
    """Asks whether the orders are complete."""
    body = {
        "type": "object",
        "properties": {"go": {"element": "submit", "label": "Go on"}},
    }
    this.message(f"{total} orders: are these all?", body=body)
'''
DAY_IMPORT = '''\
def handler(system, this, *, day: str = "2026-11-13"):
    """The file that the shops send at night."""
    this.message(
        "The file of the day is empty",
        body={
            "type": "object",
            "properties": {
                "why": {
                    "element": "markdown",
                    "description": "`2026-11-13.csv` has **0 rows**. Were the shops closed?",
                },
                "day": {"element": "date", "label": "Take this day instead"},
                "go": {"element": "submit", "label": "Continue"},
                "skip": {
                    "element": "submit", "label": "Leave the day out", "required": [],
                },
            },
            "required": ["day"],
        },
    )
'''
FORECAST = '''\
import time


def handler(system, this, *, weeks: int = 12):
    """The sales of the next weeks."""
    time.sleep(3_600)
'''
NIGHTLY = [
    'shops = ["north", "south", "east"]',
    'loads = [this.flow("load_orders", shop=shop, wait=False) for shop in shops]',
    "for load in loads:\n    load.wait()",
    'total = sum(load.output["rows"] for load in loads)',
    'this.flow("approve", total=total)',
    'west = this.flow("load_orders", shop="west")',
    'this.set_output(orders=total + west.output["rows"])',
]
MONTH_REPORT = [
    "day: str = '2026-11-13'\nprice: float = 3.0",
    """\
import pandas as pd
fetched = pd.DataFrame({'sold': [120, 80]}, index=['north', 'south'])
fetched""",
    """\
# What was sold, at the price of the day.
totals = fetched['sold'] * price * rate
report = float(totals.sum())""",
    "this.set_output(report=report, day=day)",
]
SHOPS_CHART = [
    "shops = {shops}",
    "import pandas as pd\nsold = pd.DataFrame({{'sold': shops}})\nsold",
    """\
import matplotlib.pyplot as plt
plt.figure(figsize=(4, 2))
_ = plt.bar(list(shops), list(shops.values()))""",
    "this.set_output(shops=len(shops), sold=int(sold['sold'].sum()))",
]
FLOWS = [
    "%load_ext flowkernel",
    "%%flow prices\nrows = 3\nthis.set_output(rows=rows)",
    "%%flow cleanup\nimport shutil\nshutil.rmtree('old', ignore_errors=True)",
    "%%flow archive_orders\ndays = 30",
]
#: Seconds that somebody thinks before an answer.
THINKING = 20


class SampleHome:
    """Fills the home of a JupyterLab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.client = Client(lab.home, started_by="ada (command line)")

    def fill(self) -> None:
        """Make all of it; returns when everything is as the pictures need it."""
        self._write()
        self._run_nightly()
        self._run_reports()
        self._run_charts()
        self._ask()

    def end(self) -> None:
        """End what still runs: its workers would start an engine again."""
        for execution in self.client.list_executions(is_ended=False):
            self.client.act(execution.execution_id, "cancel")
        until(lambda: not self.client.list_executions(is_ended=False))

    def _write(self) -> None:
        root = self.lab.root
        scripts = {
            "sales_report": SALES_REPORT,
            "load_orders": LOAD_ORDERS,
            "approve": APPROVE,
            "day_import": DAY_IMPORT,
            "forecast": FORECAST,
        }
        for name, source in scripts.items():
            (root / f"{name}.py").write_text(source)
        save(root / "nightly.ipynb", NIGHTLY)
        save(root / "month_report.ipynb", MONTH_REPORT, tags=["parameters"])
        save(root / "flows.ipynb", FLOWS)
        self._write_chart({"north": 120, "south": 80})
        for file in (*(f"{name}.py" for name in scripts), "nightly.ipynb"):
            self._register(file)
        self._register("month_report.ipynb")
        self._register("shops_chart.ipynb")
        self._register_cell("prices", FLOWS[1].partition("\n")[2])
        self._register_cell("cleanup", "old = []")

    def _write_chart(self, shops: dict[str, int]) -> None:
        cells = [SHOPS_CHART[0].format(shops=shops)]
        cells += [cell.format() for cell in SHOPS_CHART[1:]]
        save(self.lab.root / "shops_chart.ipynb", cells)

    def _register(self, file: str) -> None:
        self.client.post("/flow", read_source(str(self.lab.root / file)))

    def _register_cell(self, name: str, source: str) -> None:
        environment = Environment(
            interpreter=sys.executable, prefix=sys.prefix, cwd=str(self.lab.root)
        )
        kind = FlowKind.CELL
        flow = Flow(name=name, source=source, kind=kind, environment=environment)
        self.client.register(flow)

    def _start(
        self, name: str, inputs: dict[str, Any] | None = None, **fields: Any
    ) -> str:
        request = {**start_request(name, inputs or {}), **fields}
        return self.client.start(request).execution_id

    def _end_of(self, id_: str) -> None:
        until(lambda: self.client.get_execution(id_).status.is_ended, seconds=90)

    def _run_nightly(self) -> None:
        """It fails in its sixth cell, and its second try succeeds."""
        for name in ("prices", "cleanup"):
            self._end_of(self._start(name))
        nightly = self._start("nightly")
        [message] = until(lambda: self.client.get_list("/message", is_open=True))
        time.sleep(THINKING)
        self.client.answer(message["message_id"], {"go": True}, answered_from="panel")
        self._end_of(nightly)
        (self.lab.root / "west.csv").write_text("1\n")
        self._end_of(self.client.act(nightly, "retry").execution_id)

    def _run_reports(self) -> None:
        for day in (9, 10, 13, 11, 12):
            self._end_of(self._start("sales_report", {"day": f"2026-11-{day:02}"}))

    def _run_charts(self) -> None:
        self._end_of(self._start("shops_chart"))
        self._write_chart({"north": 120, "south": 80, "west": 45})
        self._register("shops_chart.ipynb")
        self._end_of(self._start("shops_chart"))

    def _ask(self) -> None:
        """One question is answered, two wait, and something runs."""
        limit = {"interactive_limit_minutes": 30}
        using = [{"name": "interactive", "inputs": limit}]
        skipped = self._start("month_report", using=using, is_attended=True)
        [message] = until(lambda: self.client.get_list("/message", is_open=True))
        answer = {"skip": True, "values": {"totals": None, "report": 618.0}}
        self.client.answer(message["message_id"], answer, answered_from="panel")
        self._end_of(skipped)
        self._start("month_report", using=using, is_attended=True)
        self._start("day_import")
        self._start("forecast")
        until(lambda: len(self.client.get_list("/message", is_open=True)) == 2)


def month_of_charts() -> dict[str, Any]:
    """What the home page would read after a month: nobody waits for one here."""
    random.seed(3)
    flows = (
        ("sales_report", 42, 1, 4, 0.08),
        ("nightly", 380, 1, 1, 0.2),
        ("load_orders", 6, 1, 9, 0.02),
        ("cleanup", 2, 7, 1, 0),
    )
    days = [
        _day(flow, seconds, most, share, ago)
        for flow, seconds, every, most, share in flows
        for ago in range(29, -1, -1)
        if ago % every == 0
    ]
    cells = (
        ("nightly", 5, 'this.flow("approve", total=total)', 30, 212.3),
        ("nightly", 3, "for load in loads:", 30, 96.1),
        ("month_report", 3, "# What was sold, at the price of the day.", 61, 31.0),
        ("load_orders", 1, "import time", 140, 5.2),
    )
    names = ("flow_name", "cell_number", "first_line", "runs", "median_sec")
    slowest = [dict(zip(names, cell, strict=True)) for cell in cells]
    return {"days": days, "slowest_cells": slowest}


def _day(
    flow: str, seconds: float, most: int, share: float, ago: int
) -> dict[str, Any]:
    runs = random.randint(max(1, most // 3), most)
    median = seconds * (1.3 + 0.3 * random.random() - 0.02 * ago)
    return {
        "flow_name": flow,
        "day": str(date.today() - timedelta(days=ago)),
        "runs": runs,
        "failed": sum(random.random() < share for _ in range(runs)),
        "median_sec": median,
        "p95_sec": median * (1 + 0.5 * random.random()),
    }
