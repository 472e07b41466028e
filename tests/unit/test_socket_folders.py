"""The folder of a kernel is removed when nobody needs it, and not before."""

import os
import socket

import pytest

from flowkernel.kernels.fork_server.socket_folders import (
    RESTART_SECONDS,
    keep,
    remove_abandoned,
)


@pytest.fixture
def folder(tmp_path):
    """As a kernel leaves it that ended long ago."""
    made = tmp_path / "k"
    made.mkdir()
    (made / "connection.json").write_text("{}")
    return made


def long_ago(folder):
    past = folder.stat().st_mtime - RESTART_SECONDS - 1
    os.utime(folder, (past, past))


def listener(folder):
    end = socket.socket(socket.AF_UNIX)
    end.bind(str(folder / "k-1"))
    end.listen()
    return end


def test_what_nobody_needs_is_removed(folder):
    long_ago(folder)

    assert remove_abandoned(folder)
    assert not folder.exists()


def test_where_a_kernel_listens_nothing_is_removed(folder):
    with listener(folder):
        long_ago(folder)

        assert not remove_abandoned(folder)
    assert folder.exists()


def test_a_socket_without_a_kernel_is_nobody_s(folder):
    listener(folder).close()
    long_ago(folder)

    assert remove_abandoned(folder)


def test_a_kernel_that_is_being_started_again_finds_its_folder(folder):
    long_ago(folder)
    keep(folder)

    assert not remove_abandoned(folder)
    assert remove_abandoned(folder, spared=0)


def test_what_is_not_there_needs_no_removal(tmp_path):
    keep(tmp_path / "gone")

    assert not remove_abandoned(tmp_path / "gone")
