"""`python -m tests.chaos --seed S --seconds N [--home DIR]`; exit code 1: one is broken."""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.arena import Arena
from tests.chaos.campaign import Campaign
from tests.chaos.report import report, summary


def main() -> int:
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that nothing is left.
    arena = make_arena(options.home)
    command = (
        f"python -m tests.chaos --seed {options.seed} --seconds {options.seconds:g}"
    )
    print(f"{command}    # in {arena.path}", flush=True)
    arena.enter()
    campaign = Campaign(arena, options.seed, options.seconds)
    promises = campaign.run()
    is_broken = any(promise.breaches for promise in promises)
    is_kept = is_broken or options.home is not None
    if campaign.record is not None:
        print(*summary(campaign.record, campaign.ledger), sep="\n")
    print(*report(arena, promises, command=command, is_kept=is_kept), sep="\n")
    if not is_kept:
        shutil.rmtree(arena.path)
    return 1 if is_broken else 0


def make_arena(folder: Path | None) -> Arena:
    """A folder of this campaign alone. Its path is short: sockets are below it."""
    if folder is None:
        return Arena(Path(tempfile.mkdtemp(prefix="fkchaos-")).resolve())
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.exit(f"{str(folder)!r} is not empty: name a new folder.")
    return Arena(folder.resolve())


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long processes are killed"
    )
    parser.add_argument(
        "--home", type=Path, help="an empty folder for everything, which is kept"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
