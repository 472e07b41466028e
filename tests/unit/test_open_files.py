"""Our processes may open as many files as the system allows; the kernels of flows as before."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere nothing is raised"
)

#: A process of ours that starts another one of ours, which starts a kernel.
PROGRAM = """
import json, os, resource, subprocess, sys
from flowkernel.core import open_files
open_files.raise_limit()
limits = [resource.getrlimit(resource.RLIMIT_NOFILE), open_files.original_limit()]
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    open_files.restore_limit(child.pid)
    limits.append(resource.prlimit(child.pid, resource.RLIMIT_NOFILE))
    child.communicate(b"x\\n")
    print(json.dumps([limits, open_files.VARIABLE in os.environ]))
else:
    environ = {**os.environ, **open_files.child_environment()}
    subprocess.run([sys.executable, "-c", sys.stdin.read(), "second"], env=environ)
"""


def limits_of(*arguments, soft):
    import resource

    def limit():
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, min(hard, 2000)))

    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        input=PROGRAM.encode(),
        stdout=subprocess.PIPE, preexec_fn=limit, check=True,
    )  # fmt: skip
    return json.loads(process.stdout)


@pytest.mark.parametrize("arguments", [["second"], []])
def test_the_limit_is_raised_for_ours_and_given_back_to_kernels(arguments):
    """Also if the process that raised it was started by one that had raised it."""
    [[own, original, kernel], has_variable] = limits_of(*arguments, soft=500)

    assert own == [2000, 2000]
    assert original == 500
    assert kernel == [500, 2000]
    assert not has_variable


@pytest.mark.parametrize("inherited", ["", "x", "0", "-1", "9" * 30, "²"])
def test_what_the_environment_says_is_checked(inherited, monkeypatch):
    import resource

    from flowkernel.core import open_files

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(open_files, "_original", None)
    monkeypatch.setenv(open_files.VARIABLE, inherited)
    try:
        open_files.raise_limit()

        assert open_files.original_limit() == limits[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
