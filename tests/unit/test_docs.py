"""The docs name everything there is, in our words, and their links lead somewhere."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
import typer.main

from flowkernel.cli.command_line import app
from flowkernel.config import PREFIX, Config
from flowkernel.core import errors
from flowkernel.core.models import EventKind
from flowkernel.engine.api.app import make_app
from flowkernel.engine.running_engine import Engine
from flowkernel.engine.wrapper_registry import parameters_of, shipped
from flowkernel.flow_api import Execution, System, exceptions
from flowkernel.forms.fields import ELEMENTS
from flowkernel.home import Home
from flowkernel.magics.flow_magics import FlowMagics
from flowkernel.store import sql_files
from tests.stage import ENGINE_FILE

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: str(page)
)
OUTSIDE = re.compile(r"^(https?|mailto):")
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|srcset)=\"([^\"]+)\"")
TABLE = re.compile(r"^CREATE TABLE (\w+) \((.*?)^\);", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_every_setting_stands_in_the_reference(field):
    """With its name in the environment, and its default."""
    default = re.escape(str(field.default))
    variable = PREFIX + field.name.upper()

    assert re.search(
        rf"^\| `{field.name}` \| `{variable}` \| [^|]+ \| `{default}` \|",
        page("configuration"),
        re.MULTILINE,
    )


@pytest.mark.parametrize("name", sorted(errors.all_errors()))
def test_every_error_stands_in_the_reference(name):
    where = "errors" if hasattr(errors, name) else "flow-api"

    assert re.search(rf"\b{name}\b", page(where))


def test_every_signal_of_the_flow_api_stands_in_the_reference():
    found = [
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, exceptions.LifecycleSignal)
    ]

    assert [name for name in found if name not in page("flow-api")] == []


def test_every_magic_stands_in_the_reference_with_its_options():
    text = page("magics")

    for kind, marks in (("line", "%"), ("cell", "%%")):
        for name in FlowMagics.magics[kind]:
            assert re.search(rf"^## {marks}{name}\b", text, re.MULTILINE), name
            section = text.split(f"## {marks}{name}")[1].split("\n## ")[0]
            for action in getattr(FlowMagics, name).parser._actions:
                options = [
                    o for o in action.option_strings if o not in ("-h", "--help")
                ]
                assert all(option in section for option in options), (name, options)


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
        return
    for name, child in children.items():
        yield from commands(child, f"{path} {name}".strip())


@pytest.mark.parametrize(
    ("path", "command"), list(commands(typer.main.get_command(app), "")), ids=str
)
def test_every_command_stands_in_the_reference_with_its_options(path, command):
    text = page("command-line")
    options = [
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--") and name != "--help"
    ]

    row = re.search(rf"^\| `{path}[ `].*$", text, re.MULTILINE)
    section = re.search(rf"^## flowkernel {path}\b.*?(?=^## |\Z)", text, re.M | re.S)

    found = row or section
    assert found is not None
    assert [name for name in options if name not in found[0]] == []


def test_every_route_stands_in_the_reference(tmp_path):
    home, text = Home(tmp_path), page("rest")
    home.prepare()
    with Engine(home, Config(), ENGINE_FILE) as engine:
        paths = make_app(engine).openapi()["paths"]

    routes = [
        f"{verb.upper()} {path.removeprefix('/api/latest')}"
        for path, verbs in paths.items()
        for verb in verbs
    ]

    assert len(routes) > 20
    assert [r for r in routes if not re.search(rf"`{re.escape(r)}[`?]", text)] == []


def test_every_table_and_column_stands_in_the_reference():
    text = page("store")

    for name, body in TABLE.findall(sql_files.schema()):
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        columns = re.findall(r"^    (\w+) [A-Z]", body, re.MULTILINE)
        assert [c for c in columns if f"`{c}`" not in section] == [], name


def test_every_kind_of_event_stands_in_the_reference():
    """Except `logged`: those are in the table `log`."""
    section = page("store").split("\n## event\n")[1].split("\n## ")[0]
    kinds = set(EventKind) - {EventKind.LOGGED}

    assert [kind for kind in kinds if f"`{kind}`" not in section] == []


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_wrapper_stands_in_the_reference_with_its_parameters(name):
    text = page("wrappers")
    section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]

    assert f"| [`{name}`](#{name}) |" in text
    parameters = parameters_of(shipped()[name]) or {}
    assert [p for p in parameters if f"`{p}`" not in section] == []


def test_every_element_of_forms_stands_in_the_reference():
    rows = page("flow-api").split("| `element` |")[1].split("\n\n")[0]

    assert [element for element in ELEMENTS if f"`{element}`" not in rows] == []


@pytest.mark.parametrize("cls", [Execution, System])
def test_every_method_of_the_flow_api_stands_in_the_reference(cls):
    names = [name for name in dir(cls) if not name.startswith("_")]

    assert [n for n in names if not re.search(rf"\b{n}\b", page("flow-api"))] == []


def test_the_public_names_stand_in_the_reference():
    import flowkernel

    names = set(flowkernel.__all__) - {"__version__", "Execution"}

    assert [n for n in names if f"flowkernel.{n}(" not in page("flow-api")] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = path.read_text("utf-8")
    targets = ["".join(found) for found in LINK.findall(text)]

    for target in targets:
        if OUTSIDE.match(target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file) if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def anchors(path: Path) -> set[str]:
    """The names that headings get on GitHub."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("name", ["main", "test"])
def test_the_readme_has_the_commands_that_ci_runs(name):
    """`.ci/run` takes the one line of the block behind this mark."""
    text = (ROOT / "README.md").read_text("utf-8")

    found = re.findall(rf"^<!-- command: {name} -->\n```bash\n(.+)\n```$", text, re.M)

    assert len(found) == 1
