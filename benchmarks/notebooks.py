"""The notebooks that are run: the same files for us and for every peer."""

import json
from pathlib import Path

SPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def two_cells(folder: Path) -> Path:
    """A cell of parameters, and a trivial one."""
    sources = ["n = 0", "print(n + 1)"]
    return _put(folder / "two_cells.ipynb", sources, {0: {"tags": ["parameters"]}})


def trivial_cells(folder: Path, count: int) -> Path:
    """So many cells that do next to nothing."""
    sources = [str(number) for number in range(count)]
    return _put(folder / "trivial_cells.ipynb", sources)


def big_output(folder: Path, megabytes: int, count: int) -> Path:
    """One cell that prints much, and so many trivial ones behind it."""
    sources = [f"print('x' * {megabytes}_000_000)", *map(str, range(count))]
    return _put(folder / "big_output.ipynb", sources)


def failing_once(folder: Path) -> tuple[Path, Path]:
    """A second of work, and a cell that fails the first time; the same without a failure."""
    work = "import time\ntime.sleep(1)\ntries = 0"
    fails = "tries += 1\nassert tries > 1\nprint('retried')"
    return (
        _put(folder / "failing.ipynb", [work, fails]),
        _put(folder / "mended.ipynb", [work, "print('retried')"]),
    )


def _put(
    path: Path,
    sources: list[str],
    metadata: dict[int, dict[str, list[str]]] | None = None,
) -> Path:
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": (metadata or {}).get(number, {}),
            "source": source,
            "execution_count": None,
            "outputs": [],
        }
        for number, source in enumerate(sources)
    ]
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": SPEC},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook), "utf-8")
    return path
