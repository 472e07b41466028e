"""`python -m flowkernel.worker HOME ID [-]`: runs executions for the engine of a home.

With `-` the configuration comes as JSON from the standard input: that with which the engine
was started holds for its workers, too, whatever `config.toml` has now.
"""

import gc
import json
import logging
import os
import sys
import threading
from pathlib import Path

from flowkernel.client.own_token import WORKER_TOKEN
from flowkernel.config import Config, config_from_json, load_config
from flowkernel.core.open_files import raise_limit
from flowkernel.home import Home
from flowkernel.kernels.fork_servers import keep_warm

STDIN = "-"  #: On the command line: the configuration comes from there.


def main(path: str, worker_id: str, config_source: str = "") -> int:
    """Work for the engine of a home, until that stops; the exit code."""
    raise_limit()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("papermill").setLevel(logging.ERROR)
    token = os.environ.pop(WORKER_TOKEN, None)  # No kernel inherits it.
    home = Home(Path(path))
    if config_source == STDIN:
        config = config_from_json(json.load(sys.stdin), "the engine")
    else:
        config = load_config(home.path)
    threading.Thread(target=warm_up, args=(config,), daemon=True).start()
    # The import of papermill takes half a second. The fork server starts at the same time.
    forgo_grammar()
    from flowkernel.kernels.parked.registry import sweep_parked
    from flowkernel.worker.kernel_manager import remove_stale_transports
    from flowkernel.worker.worker import Worker

    if os.name == "posix":
        remove_stale_transports()
    sweep_parked(home.path)
    gc.freeze()  # What is imported now stays: it need not be searched for what can go.
    Worker(home, config, worker_id, token).work()
    if os.name == "posix":  # Those of processes that were killed meanwhile.
        remove_stale_transports()
    return 0


def forgo_grammar() -> None:
    """Have jsonschema, which papermill imports, do without a package for addresses.

    JupyterLab brings it. To import it takes a second, in which it makes a grammar of addresses
    in all scripts (IRIs). jsonschema works without it, and notebooks are not checked for them.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def warm_up(config: Config) -> None:
    """Keep kernels ready for flows of this same Python, as long as the worker runs."""
    if config.kernel == "fork":
        keep_warm(sys.executable, config.preload, config.ready_kernels)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
