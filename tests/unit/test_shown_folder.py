"""Files in the folder that Jupyter shows, and nothing else; and who uses the panel."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.client.starter_name import user_name
from flowkernel.core.errors import BadArgument
from flowkernel.server_extension.person_name import MAX_PERSON, person_name
from flowkernel.server_extension.shown_folder import ShownFolder


def shown(path, **fields):
    return ShownFolder(SimpleNamespace(root_dir=str(path), **fields))


def test_a_file_is_found_by_its_path_in_jupyter(tmp_path):
    assert shown(tmp_path).file("a b/c.ipynb") == tmp_path / "a b" / "c.ipynb"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x.py",
        "a/../../x.py",
        "a/..",
        ".hidden/x.py",
        "a/.x.py",
        "a\0.py",
        "a\\..\\x.py",
        "C:/x.py",
        "drive:x.py",
    ],
)
def test_what_jupyter_does_not_show_is_refused(tmp_path, path):
    with pytest.raises(BadArgument, match="no file in the folder"):
        shown(tmp_path).file(path)


@given(st.text())
def test_no_path_leads_out_of_the_folder(tmp_path_factory, path):
    root = tmp_path_factory.getbasetemp()
    try:
        file = shown(root).file(path)
    except BadArgument:
        return
    assert file.resolve().is_relative_to(root.resolve())
    assert file != root


def test_hidden_files_are_shown_where_jupyter_shows_them(tmp_path):
    folder = shown(tmp_path, allow_hidden=True)

    assert folder.file(".a/x.py") == tmp_path / ".a" / "x.py"


def test_a_server_without_a_folder_says_so():
    with pytest.raises(BadArgument, match="shows no folder"):
        ShownFolder(SimpleNamespace()).file("x.py")


def test_a_copy_goes_beside_its_file_if_jupyter_shows_that(tmp_path):
    folder = shown(tmp_path / "root")
    (tmp_path / "root" / "a").mkdir(parents=True)
    folder = shown(tmp_path / "root")

    assert folder.folder_of(tmp_path / "root" / "a" / "x.py") == "a"
    assert folder.folder_of(tmp_path / "root" / ".a" / "x.py") == ""
    assert folder.folder_of(tmp_path / "x.py") == ""
    assert folder.folder_of(None) == ""


def user(**fields):
    return SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (user(username="ada", name="ada", display_name="Ada L."), "Ada L."),
        (user(username="ada", name="ada", display_name=None), "ada"),
        (user(username="ada"), "ada"),
        (user(username="0" * 32, display_name="Anonymous Io"), user_name()),
        (user(username="ada", display_name="Anonymous Io"), "Anonymous Io"),
        (user(username="", display_name=" "), user_name()),
        (None, user_name()),
    ],
)
def test_a_person_has_the_name_that_jupyter_knows(who, name):
    assert person_name(who) == name


def test_a_name_is_on_one_line_and_not_endless():
    name = person_name(user(username="a\nb" * 100))

    assert "\n" not in name
    assert len(name) <= MAX_PERSON
