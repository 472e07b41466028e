"""The folder of a kernel is removed when it is no longer in use, and not before."""

import os
import socket
import stat
import tempfile

import pytest

from flowkernel.kernels.fork_server import socket_folders
from flowkernel.kernels.fork_server.socket_folders import (
    MAX_SOCKET_PATH,
    RESTART_SECONDS,
    TOUCH_SECONDS,
    make_socket_folder,
    mark_in_use,
    parent_folder,
    private_folder,
    remove_abandoned,
)


@pytest.fixture
def folder(tmp_path):
    """The folder of a kernel that ended long ago."""
    folder = tmp_path / "k"
    folder.mkdir()
    (folder / "connection.json").write_text("{}")
    return folder


def long_ago(folder):
    past = folder.stat().st_mtime - RESTART_SECONDS - 1
    os.utime(folder, (past, past))


def listener(folder):
    end = socket.socket(socket.AF_UNIX)
    end.bind(str(folder / "k-1"))
    end.listen()
    return end


def test_an_abandoned_folder_is_removed(folder):
    long_ago(folder)

    assert remove_abandoned(folder)
    assert not folder.exists()


def test_a_folder_with_a_listening_kernel_stays(folder):
    with listener(folder):
        long_ago(folder)

        assert not remove_abandoned(folder)
    assert folder.exists()


def test_a_socket_without_a_listener_does_not_count(folder):
    listener(folder).close()
    long_ago(folder)

    assert remove_abandoned(folder)


def test_a_kernel_that_restarts_keeps_its_folder(folder):
    long_ago(folder)
    mark_in_use(folder)

    assert not remove_abandoned(folder)
    assert remove_abandoned(folder, grace=0)


def test_what_a_killed_process_left_is_removed_soon(folder):
    """No kernel is to start there again: there is no mark."""
    past = folder.stat().st_mtime - TOUCH_SECONDS - 1
    os.utime(folder, (past, past))

    assert remove_abandoned(folder)


def test_a_missing_folder_is_not_removed(tmp_path):
    mark_in_use(tmp_path / "gone")

    assert not remove_abandoned(tmp_path / "gone")


# -- where ---------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Take a folder whose path has so many bytes for temporary files; the folder."""

    def temporary(length):
        path = tmp_path / ("x" * (length - len(str(tmp_path)) - 1))
        path.mkdir()
        assert len(str(path)) == length
        monkeypatch.setattr(tempfile, "tempdir", str(path))
        return path

    return temporary


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders in the place of /tmp and /var/tmp."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        names = [f"{folder}/{name}" for name in "ab"]
        for name in names:
            os.mkdir(name, 0o700)
        monkeypatch.setattr(socket_folders, "SHORT_FOLDERS", names)
        yield names


@pytest.mark.parametrize("extra", [*range(60, 121, 5), 150, 200])
def test_a_socket_fits_however_long_the_folder_for_temporary_files_is(
    temporary, tmp_path, extra
):
    temporary(max(extra, len(str(tmp_path)) + 2))

    folder = make_socket_folder()

    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.parent == parent_folder()
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(folder / "k-5"))
        assert len(str(folder / "k-5")) <= MAX_SOCKET_PATH
    finally:
        assert remove_abandoned(folder, grace=0)


def test_a_folder_whose_path_is_not_utf8_is_passed_over(places, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/tmp/a\udcffb")

    assert str(parent_folder()) == places[0]


def test_a_folder_for_temporary_files_that_is_short_is_taken(places, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", places[1])

    assert str(parent_folder()) == places[1]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_a_place_where_others_could_replace_a_folder_is_passed_over(
    temporary, places, mode
):
    temporary(150)
    os.chmod(places[0], mode)

    assert str(parent_folder()) == places[1]

    os.chmod(places[0], mode | stat.S_ISVTX)
    assert str(parent_folder()) == places[0]


def test_sockets_that_others_look_for_are_in_one_folder(places):
    assert private_folder() == private_folder()
    assert stat.S_IMODE(private_folder().stat().st_mode) == 0o700


def test_a_folder_that_another_user_may_have_made_is_not_trusted(places):
    name = private_folder()
    for make in (
        lambda: name.mkdir(mode=0o755),
        lambda: name.touch(mode=0o600),
        lambda: name.symlink_to(places[1]),
    ):
        name.rmdir() if name.is_dir() and not name.is_symlink() else name.unlink()
        make()
        with pytest.raises(OSError, match=r"is open to other users|File exists"):
            private_folder()
