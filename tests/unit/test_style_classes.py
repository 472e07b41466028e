"""The panel and the widgets in notebooks are in one document: no style of one meets others."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PANEL = ROOT / "labextension"
WIDGETS = ROOT / "flowkernel" / "widgets"
#: A whole name: not the beginning of an id with something behind it.
CLASS = re.compile(r"jp-flowkernel-[a-z-]+(?![\w$-])")


def classes_in(folder: Path, *endings: str) -> set[str]:
    """The classes of ours that are named in the files of a folder."""
    files = (path for path in folder.rglob("*") if path.suffix in endings)
    return {name for path in files for name in CLASS.findall(path.read_text())}


def test_no_class_of_the_panel_is_one_of_the_widgets():
    panel = classes_in(PANEL / "src", ".ts", ".tsx") | classes_in(
        PANEL / "style", ".css"
    )
    widgets = classes_in(WIDGETS, ".py", ".js", ".css")

    assert panel
    assert widgets
    assert panel & widgets == set()
