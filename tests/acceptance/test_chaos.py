"""A minute of chaos with a seed of its own: `tests/chaos` says what it kills and checks."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.mark.timeout(900)
def test_a_minute_of_chaos_breaks_no_promise(capsys):
    seed = random.SystemRandom().randrange(1_000_000)
    command = ["-m", "tests.chaos", "--seed", str(seed), "--seconds", str(SECONDS)]
    with capsys.disabled():
        print(f"\nChaos: python {' '.join(command)}")

    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as chaos:  # fmt: skip
        try:
            output, _ = chaos.communicate()
        finally:
            chaos.terminate()  # When time is over: it ends its processes.

    assert chaos.returncode == 0, f"seed {seed}\n{output}"
