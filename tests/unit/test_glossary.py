"""The words are those of the glossary: in the pages, and wherever the code has English."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
#: Entries of this page are never edited.
DECISIONS = ROOT / "docs" / "decisions.md"
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {DECISIONS})
MODULES = sorted((ROOT / "flowkernel").rglob("*.py"))
PANEL = sorted((ROOT / "labextension" / "src").rglob("*.ts*"))
ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| (pages|everywhere) \|$", re.MULTILINE)


def unused_words(*places: str) -> re.Pattern[str]:
    """The words that are not used in these places, in the singular and the plural."""
    words = [
        word
        for row, place in ROW.findall(GLOSSARY.read_text("utf-8"))
        if place in places
        for word in row.split(", ")
    ]
    assert words
    return re.compile(rf"\b({'|'.join(words)})s?\b", re.IGNORECASE)


def prose(path: Path) -> str:
    """A page without its code and its addresses, and without the list of those words."""
    text = path.read_text("utf-8").partition("## Words we do not use")[0]
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`|\| UUID \||\]\([^)]*\)", "", text)


def english(path: Path) -> Iterator[tuple[int, str]]:
    """The comments, docstrings and sentences of a module, with their lines."""
    source = path.read_text("utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_the_entries_are_in_alphabetical_order_two_lines_each():
    text = GLOSSARY.read_text("utf-8").partition("## Words we do not use")[0]
    entries = [entry.strip().split("\n") for entry in text.split("### ")[1:]]
    words = [word for word, *_ in entries]

    assert words == sorted(words)
    assert [entry[0] for entry in entries if len(entry) != 2] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_has_our_words(path):
    assert unused_words("pages", "everywhere").findall(prose(path)) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_english_of_a_module_is_plain(path):
    unused = unused_words("everywhere")

    assert [(line, text) for line, text in english(path) if unused.search(text)] == []


@pytest.mark.parametrize("path", PANEL, ids=lambda path: path.name)
def test_the_english_of_the_panel_is_plain(path):
    """Comments and sentences; no name of TypeScript is one of the words."""
    unused = unused_words("everywhere")
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)

    assert [(number, line) for number, line in lines if unused.search(line)] == []


def test_an_unused_word_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Begin anew with `anew`.")

    assert unused_words("everywhere").findall(prose(page)) == ["anew"]
