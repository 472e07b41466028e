"""`python -m benchmarks [FIGURE]... [--rounds N] [--quick] [--list] [--out FOLDER]`."""

import argparse
import sys
import traceback
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
from benchmarks.ours import compile_ours

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
console = Console(highlight=False, markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Places:
    """Where what comes out is put."""

    results: Path
    page: Path
    pictures: Path


def main(arguments: list[str]) -> int:
    """Measure what is named, or everything; 1 if something could not be measured."""
    known = {figure.name: figure for figure in FIGURES}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(known))
    parser.add_argument("--rounds", type=int, default=5, help="after a warm one; 5")
    parser.add_argument("--quick", action="store_true", help="small; for a look only")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument(
        "--out", type=Path, help="put results here, not into the checkout"
    )
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.figures if name not in known]:
        parser.error(f"there is no figure {unknown[0]!r}; there are {', '.join(known)}")
    if asked.rounds < 1:
        parser.error("--rounds takes a whole number of 1 or more")
    if asked.list:
        for figure in FIGURES:
            console.print(f"{figure.name:10} {figure.title}")
        return 0
    compile_ours()
    places = _places(
        asked.out or (ROOT / "benchmarks" / ".quick" if asked.quick else None)
    )
    results, failed = load(places.results), []
    for name in asked.figures or known:
        console.print(f"\n{name}: {known[name].title}", style="bold")
        try:
            results[name] = measure(known[name], asked.rounds, is_quick=asked.quick)
        except Exception:  # The others are measured all the same.
            console.print(traceback.format_exc(), style="red")
            failed.append(name)
            continue
        save(places.results, results)
        publish(places, results)
        tell(known[name], results[name]["values"])
    if failed:
        console.print(f"\nnot measured: {', '.join(failed)}", style="red")
    return 1 if failed else 0


def _places(out: Path | None) -> Places:
    if out is None:
        return Places(
            ROOT / "benchmarks" / "results.json", PAGE, PAGE.parent / "pictures"
        )
    return Places(out / "results.json", out / "performance.md", out / "pictures")


def measure(figure: Figure, count: int, *, is_quick: bool) -> dict[str, Any]:
    """Set up all sides, measure them in turn, leave nothing running."""
    with (
        TemporaryDirectory(prefix="flowkernel-benchmark-") as folder,
        ExitStack() as stack,
    ):
        bench = Bench(
            folder=Path(folder).resolve(),
            is_quick=is_quick,
            say=console.print,
            versions={},
            failures={},
        )
        values = rounds(figure, figure.sides(stack, bench), count, bench)
        return record(values, bench)


def publish(places: Places, results: dict[str, Any]) -> None:
    """Write the table into the page, and draw the pictures."""
    new = f"{table(FIGURES, results)}\n\n{about(results)}"
    places.page.parent.mkdir(parents=True, exist_ok=True)
    places.page.write_text(put_in(PAGE.read_text("utf-8"), new), "utf-8")
    places.pictures.mkdir(parents=True, exist_ok=True)
    for figure in FIGURES:
        if figure.name in results:
            picture = places.pictures / f"performance-{figure.name}.svg"
            picture.write_text(
                sides_chart(figure, results[figure.name]["values"]), "utf-8"
            )
    picture = ratios_chart(results)
    (places.pictures / "performance.svg").write_text(picture, "utf-8")


def sides_chart(figure: Figure, values: dict[str, list[float]]) -> str:
    """One figure: the median of each side, and how far single rounds were apart."""
    ours = [claim.us for claim in figure.claims]
    peers = [claim.peer for claim in figure.claims if claim.peer]
    bars = [
        Bar(
            label=name,
            value=median(values[name]),
            text=amount(median(values[name]), figure.unit),
            low=min(values[name]),
            high=max(values[name]),
            is_ours=name in ours,
        )
        for name in dict.fromkeys([*peers, *ours])
    ]
    return chart(f"{figure.title}, {figure.unit}", bars)


def ratios_chart(results: dict[str, Any]) -> str:
    """All figures with a peer: how many times better we are, and what is promised."""
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


def tell(figure: Figure, values: dict[str, list[float]]) -> None:
    """What came of it, in a line for each claim."""
    for claim in figure.claims:
        value, (low, high) = measured(claim, values), spread(claim, values)
        unit = figure.unit if claim.reading is Reading.ALONE else claim.reading
        console.print(
            f"  {claim.us} / {claim.peer or '-'}: {amount(value)} {unit} "
            f"({amount(low)} to {amount(high)}); at least {claim.at_least}, "
            f"aim {claim.aim}: {verdict(claim, value) or 'told'}",
            style="bold",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
