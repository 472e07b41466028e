"""What a figure is, how its rounds go, and what comes of them. No process is started here."""

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

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
OURS = ("flowkernel", "duckdb", "papermill", "nbclient", "ipykernel", "jupyter_client")

Side = Callable[[], float]  #: Measures once; in the unit of its figure.


class Reading(StrEnum):
    """What is made of two medians, and on which side of the target it should be."""

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
    """What one figure is to show. Without `at_least` it is told, and promises nothing."""

    us: str  #: Name of a side.
    peer: str | None = None
    reading: Reading = Reading.TIMES_LESS
    at_least: float | None = None  #: Inclusive; for SHARE and ALONE "at most".
    aim: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing that is measured, in turn on each of its sides."""

    name: str
    title: str
    unit: str
    claims: tuple[Claim, ...]
    sides: Callable[[ExitStack, "Bench"], dict[str, Side]]  #: Set up, peers first.
    warms_up: bool = True  #: False: `sides` has done so, or there is nothing to warm.


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a figure gets to work with."""

    folder: Path  #: Its own, empty; removed at the end.
    is_quick: bool
    say: Callable[[str], None]
    versions: dict[str, str]  #: Whoever starts a peer writes here what it is.
    failures: dict[str, int]  #: How often a side had to be measured again.

    def of(self, whole: int, quick: int) -> int:
        """How many, by the size of this measurement."""
        return quick if self.is_quick else whole


def rounds(
    figure: Figure, sides: Mapping[str, Side], count: int, bench: Bench
) -> dict[str, list[float]]:
    """Measure all sides in turn, `count` times: `{side: values}`."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(0 if figure.warms_up else 1, count + 1):
        for name, measure in sides.items():
            value = _again(name, measure, bench)
            if number:
                values[name].append(value)
            bench.say(f"  {number or 'warm'}  {name}: {value:.4g} {figure.unit}")
    return values


def _again(name: str, measure: Side, bench: Bench) -> float:
    """Measure a side; once more if it fails, which is told with the results.

    Two hundred kernels of papermill are enough for two of them to want the same port.
    """
    try:
        return measure()
    except Exception as error:
        bench.failures[name] = bench.failures.get(name, 0) + 1
        bench.say(f"  {name} failed and is measured again: {str(error)[-500:]}")
        return measure()


def measured(claim: Claim, values: Mapping[str, list[float]]) -> float:
    """What the medians say of a claim."""
    us = median(values[claim.us])
    if claim.reading is Reading.ALONE:
        return us
    assert claim.peer is not None, "only ALONE has no peer"
    peer = median(values[claim.peer])
    return peer / us if claim.reading is Reading.TIMES_LESS else us / peer


def spread(claim: Claim, values: Mapping[str, list[float]]) -> tuple[float, float]:
    """The lowest and the highest that a single round says of it."""
    single = [
        measured(claim, {name: [many[n]] for name, many in values.items()})
        for n in range(min(len(many) for many in values.values()))
    ]
    return min(single), max(single)


def verdict(claim: Claim, value: float) -> str:
    """One word: `aim`, `yes`, `no`; nothing for what promises nothing."""
    if claim.at_least is None:
        return ""
    sign = 1 if claim.reading.is_upward else -1
    if claim.aim is not None and sign * value >= sign * claim.aim:
        return "aim"
    return "yes" if sign * value >= sign * claim.at_least else "no"


def amount(value: float, unit: str = "") -> str:
    """Three digits that count."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}{' ' + unit if unit else ''}"


def target(claim: Claim, value: float | None, unit: str) -> str:
    """A target, or what was measured, in the words of its reading."""
    if value is None:
        return ""
    if claim.reading is Reading.ALONE:
        return amount(value, unit)
    return f"{amount(value)}x"


def table(figures: Iterable[Figure], results: Mapping[str, Any]) -> str:
    """The table of the docs, in Markdown: one line for each claim that has been measured."""
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
            said = "" if alone else f"**{target(claim, value, unit)}** "
            said += f"({amount(low)} to {amount(high)})"
            at_least, aim = (
                f"{'' if claim.reading.is_upward else '≤ '}{target(claim, t, unit)}"
                if t is not None
                else ""
                for t in (claim.at_least, claim.aim)
            )
            cells = [figure.title, *sides, said, at_least, aim, verdict(claim, value)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def about(results: Mapping[str, Any]) -> str:
    """Where, when and with what it was measured, in a few lines."""
    machines = sorted({record["machine"] for record in results.values()})
    days = sorted({record["measured_at"][:10] for record in results.values()})
    counts = sorted({len(next(iter(r["values"].values()))) for r in results.values()})
    known = {
        f"{name} {number}"
        for r in results.values()
        for name, number in r["versions"].items()
    }
    failed = [
        f"{side} ({figure}, {times} times)"
        for figure, r in results.items()
        for side, times in r.get("failures", {}).items()
    ]
    return (
        f"Measured on {', '.join(days)} on {'; '.join(machines)}. Rounds: "
        f"{', '.join(map(str, counts))}. Failed and measured again: "
        f"{', '.join(failed) or 'none'}. Versions: {', '.join(sorted(known))}."
    )


def put_in(text: str, new: str) -> str:
    """The page with `new` between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def machine() -> str:
    """What has to be known of this machine to read a figure."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return (
        f"{cores or os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def record(values: Any, bench: Bench) -> dict[str, Any]:
    """What is kept of a figure: every single measurement, and what made it."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {**{name: version(name) for name in OURS}, **bench.versions},
        "is_quick": bench.is_quick,
        "failures": bench.failures,
        "values": values,
    }


def load(path: Path) -> dict[str, Any]:
    """What was measured before."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Keep it, for people to read and for machines to compare."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
