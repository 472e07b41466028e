"""Where the home is, and why it cannot be used."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from flowkernel.core.errors import BadArgument, DiskFull, HomeNotWritable
from flowkernel.home import EngineFile, Home, find_home, home_error, other_homes

FILE = {
    "url": "http://127.0.0.1:8000",
    "token": "secret",
    "pid": 7,
    "process_started_at": 1.5,
    "version": "1",
    "interpreter": "python",
}


@pytest.fixture
def home(tmp_path):
    """A home whose folders exist."""
    home = Home(tmp_path / ".flowkernel")
    home.prepare()
    return home


@pytest.fixture
def engine_file(home):
    """What an engine of that home would write."""
    return EngineFile(**FILE, home=str(home.path.resolve()))


def test_the_variable_overrides_everything_else(tmp_path):
    (tmp_path / ".flowkernel").mkdir()

    assert (
        find_home(tmp_path, environ={"FLOWKERNEL_HOME": "/a/b"}).path.as_posix()
        == "/a/b"
    )


def test_a_relative_variable_is_relative_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert find_home(environ={"FLOWKERNEL_HOME": "x/../y"}).path.is_absolute()
    assert find_home(environ={"FLOWKERNEL_HOME": "y"}).path == tmp_path / "y"


def test_a_tilde_is_the_home_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert find_home(environ={"FLOWKERNEL_HOME": "~/flows"}).path == tmp_path / "flows"


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ([".flowkernel", "a/.git"], ".flowkernel"),
        (["a/.flowkernel", ".flowkernel"], "a/.flowkernel"),
        (["a/.git", ".git"], "a/.flowkernel"),
        ([], "a/b/.flowkernel"),
    ],
)
def test_else_the_nearest_home_then_the_checkout_then_the_folder(
    tmp_path, folders, expected
):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for folder in folders:
        (tmp_path / folder).mkdir()

    assert find_home(tmp_path / "a" / "b", environ={}).path == tmp_path / expected


def test_a_new_home_is_for_its_owner_alone_and_not_for_git(home):
    for folder in (home.path, home.notebooks, home.log, home.backup):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert (home.path / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o775])
def test_a_folder_that_was_there_stays_as_it_is(tmp_path, mode):
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(mode)
    (folder / "log").mkdir(mode=0o755)

    Home(folder).prepare()
    Home(folder).prepare()

    assert folder.stat().st_mode & 0o777 == mode
    assert (folder / "log").stat().st_mode & 0o777 == 0o755
    assert (folder / "backup").stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(folder)) == ["backup", "log", "notebooks"]


def test_a_gitignore_that_was_removed_from_a_home_stays_away(home):
    (home.path / ".gitignore").unlink()

    home.prepare()

    assert not (home.path / ".gitignore").exists()


def test_a_link_to_a_folder_is_a_home(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")

    Home(tmp_path / "link").prepare()

    assert (tmp_path / "folder" / "notebooks").is_dir()
    assert not (tmp_path / "folder" / ".gitignore").exists()


def test_a_link_does_not_hide_a_path_that_the_database_cannot_have(tmp_path):
    (tmp_path / "what?").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "what?")

    with pytest.raises(BadArgument, match=r"/link/home' has a \? in its path"):
        Home(tmp_path / "link" / "home").prepare()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("what?", "has a ? in its path"),
        ("a\\b", "has a \\ in its path"),
        ("a\udcff", "has bytes that are not UTF-8 in its path"),
    ],
)
def test_a_path_that_the_database_cannot_have_is_refused_before_anything_is_made(
    tmp_path, name, says
):
    with pytest.raises(BadArgument) as raised:
        Home(tmp_path / name / "home").prepare()

    assert says in str(raised.value)
    assert "Set FLOWKERNEL_HOME to a folder with another path." in str(raised.value)
    assert not os.listdir(tmp_path)


def test_the_folder_of_a_user_who_does_not_exist_is_no_home():
    with pytest.raises(
        BadArgument, match=r"'~nobody-here/x', and there is no such user"
    ):
        find_home(environ={"FLOWKERNEL_HOME": "~nobody-here/x"})


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (
            errno.EROFS,
            HomeNotWritable,
            "is on a read-only file system. Set FLOWKERNEL_HOME",
        ),
        (
            errno.EACCES,
            HomeNotWritable,
            "cannot be written to by this user. Set FLOWKERNEL_H",
        ),
        (errno.EPERM, HomeNotWritable, "cannot be written to by this user"),
        (
            errno.ENOSPC,
            DiskFull,
            "There is no room left on the disk of the home '/h'. Free",
        ),
        (
            errno.EDQUOT,
            DiskFull,
            "There is no room left on the disk of the home '/h'. Free",
        ),
        (errno.ENOTDIR, HomeNotWritable, "a file is in the way. Set FLOWKERNEL_HOME"),
        (errno.EEXIST, HomeNotWritable, "a file is in the way. Set FLOWKERNEL_HOME"),
        (
            errno.EIO,
            HomeNotWritable,
            "cannot be used: Input/output error. Set FLOWKERNEL_H",
        ),
    ],
)
def test_the_error_says_what_is_wrong_with_a_home(number, kind, says):
    error = home_error(Path("/h"), OSError(number, os.strerror(number)))

    assert type(error) is kind
    assert "'/h'" in str(error)
    assert says in str(error)


def test_the_engine_file_is_read_as_it_was_written(home, engine_file):
    engine_file.write(home)
    engine_file.write(home)

    assert EngineFile.read(home) == engine_file
    assert home.engine_file.stat().st_mode & 0o777 == 0o600
    names = sorted(p.name for p in home.path.glob("engine*"))
    assert names == ["engine-address", "engine.json"]


def test_the_address_of_the_engine_is_there_without_the_token(home, engine_file):
    engine_file.write(home)
    home.engine_file.unlink()

    assert engine_file.token not in home.address_file.read_text()
    assert home.address_file.stat().st_mode & 0o777 == 0o600
    own = EngineFile.read(home, token="fkx_1")
    assert own == replace(engine_file, token="fkx_1")


def test_a_missing_engine_file_is_none(home):
    assert EngineFile.read(home) is None


def test_an_old_draft_of_the_engine_file_is_replaced(home, engine_file):
    home.engine_file.with_suffix(".new").write_text("half")

    engine_file.write(home)

    assert EngineFile.read(home) == engine_file


@pytest.mark.parametrize("name", [*FILE, "home"])
def test_an_engine_file_without_one_of_its_values_is_broken(home, engine_file, name):
    engine_file.write(home)
    record = json.loads(home.engine_file.read_text())
    del record[name]
    home.engine_file.write_text(json.dumps(record))

    with pytest.raises(BadArgument, match=f"is broken .*'{name}'"):
        EngineFile.read(home)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "ftp://x:1"),
        ("url", "http://[::1"),
        ("url", "http://x:1/path"),
        ("token", "a b\n"),
        ("token", "ü"),
        ("pid", True),
        ("pid", 0),
        ("pid", 2**31),
        ("process_started_at", "x"),
        ("home", "/elsewhere"),
    ],
)
def test_an_engine_file_with_a_wrong_value_is_broken(home, engine_file, name, value):
    engine_file.write(home)
    record = json.loads(home.engine_file.read_text())
    home.engine_file.write_text(json.dumps({**record, name: value}))

    with pytest.raises(BadArgument, match="is broken"):
        EngineFile.read(home)


def test_a_broken_token_is_not_shown(home, engine_file):
    engine_file.write(home)
    record = json.loads(home.engine_file.read_text())
    home.engine_file.write_text(json.dumps({**record, "token": "secret\n"}))

    with pytest.raises(BadArgument) as refused:
        EngineFile.read(home)

    assert "secret" not in str(refused.value)


def test_an_ipv6_address_is_valid(home, engine_file):
    record = {**FILE, "url": "http://[::1]:80", "home": str(home.path.resolve())}
    home.engine_file.write_text(json.dumps(record))

    assert EngineFile.read(home).url == "http://[::1]:80"


# -- others --------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Makes a home with something in it, in a folder of the test."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))

    def made(folder, part="journal"):
        path = tmp_path / folder / ".flowkernel"
        (path / part).mkdir(parents=True)
        return path

    return made


def test_other_homes_are_those_above_below_and_of_the_user(made, tmp_path):
    above, own, below, user = map(made, ("a", "a/b", "a/b/c", "user"))
    (tmp_path / "a/b/empty/.flowkernel").mkdir(parents=True)
    made("a/b/c/d/too/deep")

    def others(home):  # The machine may have some above the folder of the test.
        paths = other_homes(home, tmp_path / "a/b")
        return [path for path in paths if tmp_path in path.parents]

    assert others(Home(tmp_path / "named")) == [own, above, below, user]
    assert others(Home(own)) == [above, below, user]


def test_in_a_folder_that_is_gone_the_home_of_the_user_is_left(
    made, tmp_path, monkeypatch
):
    user, gone = made("user"), tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert other_homes(Home(tmp_path / "named")) == [user]


@pytest.mark.parametrize("part", ["journal", "flowkernel.duckdb"])
def test_a_home_is_made_when_something_is_in_it(made, part):
    """Of the version before, the database is all that there is."""
    home = Home(made("x", part))

    assert home.is_made
    assert not Home(home.path.parent).is_made
