"""`python -m benchmarks [FIGURE]...`: we are measured beside others. `--help` says more."""

import argparse
import os
import sys
import traceback
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmarks.chart import Bar, chart
from benchmarks.figures import FIGURES
from benchmarks.harness import (
    Bench,
    Claim,
    Figure,
    Reading,
    about,
    amount,
    load,
    measured,
    put_in,
    record,
    rounds,
    save,
    spread,
    table,
    verdict,
)
from benchmarks.running_engine import compile_packages

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
console = Console(highlight=False, markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files and folders that results are written to."""

    results: Path
    page: Path
    pictures: Path


def main(arguments: list[str]) -> int:
    """Measure the named figures, or all; 1 if one could not be measured."""
    by_name = {figure.name: figure for figure in FIGURES}
    options = _parse(arguments, by_name)
    if options.list:
        for figure in FIGURES:
            console.print(f"{figure.name:10} {figure.title}")
        return 0
    compile_packages()
    outputs = _outputs(options)
    results, failed = load(outputs.results), []
    for name in options.figures or by_name:
        figure = by_name[name]
        console.print(f"\n{name}: {figure.title}", style="bold")
        try:
            results[name] = measure(figure, options)
        except Exception:  # The others are measured all the same.
            console.print(traceback.format_exc(), style="red")
            failed.append(name)
            continue
        save(outputs.results, results)
        publish(outputs, results)
        print_claims(figure, results[name]["values"])
    if failed:
        console.print(f"\nnot measured: {', '.join(failed)}", style="red")
    return 1 if failed else 0


def _parse(arguments: list[str], names: Collection[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(names))
    parser.add_argument(
        "--rounds", type=int, default=5, help="after a warm-up; default 5"
    )
    parser.add_argument(
        "--live", type=float, default=600, help="seconds of live events; default 600"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and rough, to try it out"
    )
    parser.add_argument("--list", action="store_true", help="list the figures")
    parser.add_argument(
        "--out", type=Path, help="write results here instead of into the checkout"
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.figures if name not in names]:
        parser.error(f"there is no figure {unknown[0]!r}; there are {', '.join(names)}")
    if options.rounds < 1:
        parser.error("--rounds takes a whole number of 1 or more")
    return options


def _outputs(options: argparse.Namespace) -> Outputs:
    quick = ROOT / "benchmarks" / ".quick" if options.quick else None
    folder: Path | None = options.out or quick
    if folder is None:
        return Outputs(
            ROOT / "benchmarks" / "results.json", PAGE, PAGE.parent / "pictures"
        )
    return Outputs(
        folder / "results.json", folder / "performance.md", folder / "pictures"
    )


def measure(figure: Figure, options: argparse.Namespace) -> dict[str, Any]:
    """Set up all sides, measure them in turn, and stop everything again."""
    count = min(options.rounds, figure.most_rounds or options.rounds)
    with (
        TemporaryDirectory(prefix="flowkernel-benchmark-") as folder,
        ExitStack() as stack,
    ):
        bench = Bench(
            folder=Path(folder).resolve(),
            is_quick=options.quick,
            say=console.print,
            versions={},
            failures={},
            live_seconds=options.live,
            load=os.getloadavg()[0],
        )
        values = rounds(figure, figure.sides(stack, bench), count, bench)
        return record(values, bench)


def publish(outputs: Outputs, results: dict[str, Any]) -> None:
    """Write the table into the page, and the charts."""
    section = f"{table(FIGURES, results)}\n\n{about(results)}"
    outputs.page.parent.mkdir(parents=True, exist_ok=True)
    outputs.page.write_text(put_in(PAGE.read_text("utf-8"), section), "utf-8")
    outputs.pictures.mkdir(parents=True, exist_ok=True)
    for figure in FIGURES:
        if figure.name in results:
            picture = outputs.pictures / f"performance-{figure.name}.svg"
            picture.write_text(
                sides_chart(figure, results[figure.name]["values"]), "utf-8"
            )
    picture = ratios_chart(results)
    (outputs.pictures / "performance.svg").write_text(picture, "utf-8")


def sides_chart(figure: Figure, values: dict[str, list[float]]) -> str:
    """The chart of one figure: the median of each side, and the range of single rounds."""
    own_sides = [claim.us for claim in figure.claims]
    peers = [claim.peer for claim in figure.claims if claim.peer]
    bars = [
        Bar(
            label=name,
            value=median(values[name]),
            text=amount(median(values[name]), figure.unit),
            low=min(values[name]),
            high=max(values[name]),
            is_engine=name in own_sides,
        )
        for name in dict.fromkeys([*peers, *own_sides])
    ]
    return chart(f"{figure.title}, {figure.unit}", bars)


def ratios_chart(results: dict[str, Any]) -> str:
    """The chart of all figures with a peer: times better, and the targets."""
    bars = [
        _ratio_bar(figure, claim, results[figure.name]["values"])
        for figure in FIGURES
        for claim in figure.claims
        if figure.name in results and claim.at_least and claim.peer
    ]
    title = "Times better than the peer (bar), promised (line), aimed at (dashed)"
    return chart(title, bars) if bars else ""


def _ratio_bar(figure: Figure, claim: Claim, values: dict[str, list[float]]) -> Bar:
    def times(value: float | None) -> float | None:
        return 1 / value if value and claim.reading is Reading.SHARE else value

    value = measured(claim, values)
    low, high = sorted(times(end) or 0.0 for end in spread(claim, values))
    return Bar(
        label=f"{figure.name}: {claim.peer}",
        value=times(value) or 0.0,
        text=f"{amount(times(value) or 0.0)}x",
        low=low,
        high=high,
        marks=(times(claim.at_least), times(claim.aim)),
    )


def print_claims(figure: Figure, values: dict[str, list[float]]) -> None:
    """Print the result, in a line for each claim."""
    for claim in figure.claims:
        value, (low, high) = measured(claim, values), spread(claim, values)
        unit = figure.unit if claim.reading is Reading.ALONE else claim.reading
        console.print(
            f"  {claim.us} / {claim.peer or '-'}: {amount(value)} {unit} "
            f"({amount(low)} to {amount(high)}); at least {claim.at_least}, "
            f"aim {claim.aim}: {verdict(claim, value) or 'reported'}",
            style="bold",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
