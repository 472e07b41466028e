"""The folder of a kernel is removed when it is no longer in use, and not before."""

import os
import socket

import pytest

from flowkernel.kernels.fork_server.socket_folders import (
    RESTART_SECONDS,
    mark_in_use,
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


def test_a_missing_folder_is_not_removed(tmp_path):
    mark_in_use(tmp_path / "gone")

    assert not remove_abandoned(tmp_path / "gone")
