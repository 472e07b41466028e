"""What a figure is, how it is measured, and the table of results. Starts no process."""

import json
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

#: Processes that want a core before a measurement, inclusive, where nothing else is done.
QUIET = 1.0
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
PACKAGES = (
    "flowkernel",
    "duckdb",
    "papermill",
    "nbclient",
    "ipykernel",
    "jupyter_client",
)

#: Measures once; returns a value in the unit of its figure.
Side = Callable[[], float]


class Reading(StrEnum):
    """How two medians are compared, and whether the target is a minimum or a maximum."""

    TIMES_LESS = "times less"  #: peer / us, of seconds or bytes; at least so much.
    TIMES_MORE = "times more"  #: us / peer, of a rate; at least so much.
    SHARE = "share"  #: us / peer; at most so much.
    ALONE = "alone"  #: us, in the unit of the figure; at most so much.

    @property
    def is_upward(self) -> bool:
        """Whether more is better."""
        return self in (Reading.TIMES_LESS, Reading.TIMES_MORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A comparison that a figure makes. Without `at_least` it is only reported."""

    us: str  #: Name of a side.
    peer: str | None = None
    reading: Reading = Reading.TIMES_LESS
    at_least: float | None = None  #: Inclusive; for SHARE and ALONE "at most".
    aim: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing that is measured, on each of its sides in turn."""

    name: str
    title: str
    unit: str
    claims: tuple[Claim, ...]
    sides: Callable[[ExitStack, "Bench"], dict[str, Side]]  #: Set up, peers first.
    warms_up: bool = True  #: False: `sides` has done that, or it is not needed.
    most_rounds: int | None = None  #: Inclusive, where one takes long.


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a figure gets to work with."""

    folder: Path  #: Its own, empty; removed at the end.
    is_quick: bool
    say: Callable[[str], None]
    versions: dict[str, str]  #: Of the peers; filled when they start.
    failures: dict[str, int]  #: How often a side had to be measured again.
    live_seconds: float = 600.0  #: For how long live events go on.
    load: float = 0.0  #: How many processes wanted a core before it began.

    def of(self, full: int, quick: int) -> int:
        """The number for a full measurement, or for a quick one."""
        return quick if self.is_quick else full


def together(
    measure: Callable[[], Mapping[str, float]], *names: str
) -> dict[str, Side]:
    """Sides that one measurement gives together: the first of them measures."""
    values: dict[str, float] = {}

    def first() -> float:
        values.clear()
        values.update(measure())
        return values[names[0]]

    others = {name: (lambda name=name: values[name]) for name in names[1:]}
    return {names[0]: first, **others}


def rounds(
    figure: Figure, sides: Mapping[str, Side], count: int, bench: Bench
) -> dict[str, list[float]]:
    """Measure all sides in turn, `count` times: `{side: values}`."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(0 if figure.warms_up else 1, count + 1):
        for name, measure in sides.items():
            value = _measure(name, measure, bench)
            if number:
                values[name].append(value)
            bench.say(f"  {number or 'warm'}  {name}: {value:.4g} {figure.unit}")
    return values


def _measure(name: str, measure: Side, bench: Bench) -> float:
    """Measure a side; once more if it fails, which is reported with the results.

    Among two hundred kernels of papermill, two may choose the same port.
    """
    try:
        return measure()
    except Exception as error:
        bench.failures[name] = bench.failures.get(name, 0) + 1
        bench.say(f"  {name} failed and is measured again: {str(error)[-500:]}")
        return measure()


def measured(claim: Claim, values: Mapping[str, list[float]]) -> float:
    """The value of a claim, from the medians of all rounds."""
    us = median(values[claim.us])
    if claim.reading is Reading.ALONE:
        return us
    assert claim.peer is not None, "only ALONE has no peer"
    peer = median(values[claim.peer])
    return peer / us if claim.reading is Reading.TIMES_LESS else us / peer


def spread(claim: Claim, values: Mapping[str, list[float]]) -> tuple[float, float]:
    """The lowest and the highest value of a claim, from single rounds."""
    single = [
        measured(claim, {name: [many[n]] for name, many in values.items()})
        for n in range(min(len(many) for many in values.values()))
    ]
    return min(single), max(single)


def verdict(claim: Claim, value: float) -> str:
    """Whether a target is reached: `aim`, `yes` or `no`; empty if there is no target."""
    if claim.at_least is None:
        return ""
    sign = 1 if claim.reading.is_upward else -1
    if claim.aim is not None and sign * value >= sign * claim.aim:
        return "aim"
    return "yes" if sign * value >= sign * claim.at_least else "no"


def amount(value: float, unit: str = "") -> str:
    """A number with about three significant digits."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}{' ' + unit if unit else ''}"


def target(claim: Claim, value: float | None, unit: str) -> str:
    """A target or a measured value, as the table has it."""
    if value is None:
        return ""
    if claim.reading is Reading.ALONE:
        return amount(value, unit)
    return f"{amount(value)}x"


def table(figures: Iterable[Figure], results: Mapping[str, Any]) -> str:
    """The table of the docs, in Markdown: one line for each claim with results."""
    head = "| Figure | Peer | Ours | Ratio (single rounds) | At least | Aim | Reached |"
    lines = [head, "| --- | --- | --- | --- | --- | --- | --- |"]
    for figure in figures:
        values = results.get(figure.name, {}).get("values")
        for claim in figure.claims if values else ():
            value, (low, high) = measured(claim, values), spread(claim, values)
            alone = claim.reading is Reading.ALONE
            sides = [
                f"{name}: {amount(median(values[name]), figure.unit)}" if name else "-"
                for name in (claim.peer, claim.us)
            ]
            unit = figure.unit if alone else ""
            ratio = "" if alone else f"**{target(claim, value, unit)}** "
            ratio += f"({amount(low)} to {amount(high)})"
            at_least, aim = (
                f"{'' if claim.reading.is_upward else '≤ '}{target(claim, t, unit)}"
                if t is not None
                else ""
                for t in (claim.at_least, claim.aim)
            )
            cells = [figure.title, *sides, ratio, at_least, aim, verdict(claim, value)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def about(results: Mapping[str, Any]) -> str:
    """Where, when and with which versions it was measured, in a few lines."""
    machines = sorted({record["machine"] for record in results.values()})
    days = sorted({record["measured_at"][:10] for record in results.values()})
    counts = sorted({len(next(iter(r["values"].values()))) for r in results.values()})
    versions = {
        f"{name} {number}"
        for r in results.values()
        for name, number in r["versions"].items()
    }
    failed = [
        f"{side} ({figure}, {times} times)"
        for figure, r in results.items()
        for side, times in r.get("failures", {}).items()
    ]
    busy = [
        f"{figure} ({r['load']:.0f})"
        for figure, r in results.items()
        if r.get("load", 0.0) > QUIET
    ]
    beside = f"With other work (load average): {', '.join(busy)}. " if busy else ""
    return beside + (
        f"Measured on {', '.join(days)} on {'; '.join(machines)}. Rounds: "
        f"{', '.join(map(str, counts))}. Failed and measured again: "
        f"{', '.join(failed) or 'none'}. Versions: {', '.join(sorted(versions))}."
    )


def put_in(text: str, section: str) -> str:
    """The page with this section between the two marks."""
    head, _, remainder = text.partition(BEGIN)
    _, _, tail = remainder.partition(END)
    return f"{head}{BEGIN}\n\n{section}\n\n{END}{tail}"


def machine() -> str:
    """The properties of this machine that a reader needs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return (
        f"{cores or os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def record(values: Any, bench: Bench) -> dict[str, Any]:
    """The record of a figure: every single measurement, and where it was made."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {**{name: version(name) for name in PACKAGES}, **bench.versions},
        "is_quick": bench.is_quick,
        "failures": bench.failures,
        "load": round(bench.load, 1),
        "values": values,
    }


def load(path: Path) -> dict[str, Any]:
    """The results of earlier measurements; empty if there are none."""
    results: dict[str, Any] = (
        json.loads(path.read_text("utf-8")) if path.exists() else {}
    )
    return results


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Write results, for people to read and for programs to compare."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
