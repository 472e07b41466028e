"""The map of ARCHITECTURE.md: one line for each module, from its docstring.

python -m tests.architecture_map     writes it
"""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flowkernel"
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- map: begin -->\n", "<!-- map: end -->"
#: Columns of a line, inclusive. A docstring that says more in its first line is cut.
WIDTH = 128
NAMES = 26


def layers() -> dict[str, list[str]]:
    """For each package, its modules and packages from the top down."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {
        contract["containers"][0]: [
            name.strip() for layer in contract["layers"] for name in layer.split("|")
        ]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and contract.get("exhaustive")
    }


def summary(path: Path) -> str:
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def lines(package: str = "flowkernel", depth: int = 0) -> Iterator[str]:
    """The lines of a package: itself, then what is in it."""
    folder = ROOT.joinpath(*package.split("."))
    known = layers().get(package) or sorted(path.stem for path in modules(folder))
    order = ["__main__"] if (folder / "__main__.py").exists() and depth else []
    for name in [*order, *(name for name in known if name not in order)]:
        inner = folder / name
        if inner.is_dir():
            yield line(f"{name}/", inner / "__init__.py", depth)
            yield from lines(f"{package}.{name}", depth + 1)
        else:
            yield line(name, inner.with_suffix(".py"), depth)


def modules(folder: Path) -> list[Path]:
    """The modules of a package that no contract names, such as the wrappers."""
    return [path for path in folder.glob("*.py") if path.stem != "__init__"]


def line(name: str, path: Path, depth: int) -> str:
    """One line of the map."""
    label = f"{'  ' * depth}{name}".ljust(NAMES)
    text = f"{label} {summary(path)}"
    return text if len(text) <= WIDTH else text[: WIDTH - 1].rstrip() + "…"


def block() -> str:
    """What stands between the marks."""
    wrappers = [
        line("wrappers/", PACKAGE / "wrappers" / "__init__.py", 0),
        *lines("flowkernel.wrappers", 1),
    ]
    return "\n".join(["```", *lines(), *wrappers, "```", ""])


def current() -> str:
    """What stands there now."""
    return PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    """Put the map into the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + block() + END + after, "utf-8")


if __name__ == "__main__":
    write()
