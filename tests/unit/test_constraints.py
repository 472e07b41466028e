"""What is kept of versions fits pyproject.toml; `tests/all --lock` writes it again."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
WITH_HASHES = ROOT / "tests" / "requirements.txt"
PYTHONS = ("3.11.7", "3.12.1", "3.13.0")


def required() -> Iterator[Requirement]:
    """Everything that pyproject.toml names: to run, to test, to build."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        settings["build-system"]["requires"],
    ]
    requirements = (Requirement(text) for group in groups for text in group)
    return (one for one in requirements if one.name != project["name"])


def kept(path: Path) -> Iterator[Requirement]:
    """The versions of a file, without their hashes."""
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            yield Requirement(line.removesuffix("\\"))


def applies(requirement: Requirement, python: str) -> bool:
    """Whether it is installed with that Python, on a Linux of today."""
    short = python.rpartition(".")[0]
    environment = {"python_full_version": python, "python_version": short}
    marker = requirement.marker
    return marker is None or marker.evaluate({**environment, "extra": ""})


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("path", [CONSTRAINTS, WITH_HASHES], ids=lambda path: path.name)
def test_one_version_of_each_dependency_is_kept_and_admitted(path, python):
    versions = {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one in kept(path)
        if applies(one, python)
    }

    not_admitted = [
        f"{one} (kept: {versions.get(canonicalize_name(one.name))})"
        for one in required()
        if not one.specifier.contains(
            versions.get(canonicalize_name(one.name), "0"), prereleases=True
        )
    ]

    assert not not_admitted, "run tests/all --lock"


def test_the_same_versions_are_kept_with_hashes_and_without():
    assert sorted(map(str, kept(CONSTRAINTS))) == sorted(map(str, kept(WITH_HASHES)))


def test_every_version_has_hashes():
    entries = re.split(r"\n(?=\S)", WITH_HASHES.read_text("utf-8").strip())

    without = [entry for entry in entries[1:] if "--hash=sha256:" not in entry]

    assert not without


def test_the_readme_installs_within_the_constraints():
    assert "\npip install -c constraints.txt . &&" in (ROOT / "README.md").read_text()
