"""The driver's side of the pipe: a call in, a reply out, one line of JSON each."""

import json
import os
import sys
import time
from importlib.metadata import version


def serve(packages, **verbs):
    """Reply until there are no more calls. What peers print goes to the log."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    verbs["versions"] = lambda: {name: version(name) for name in packages}
    for line in sys.stdin:
        verb, arguments = json.loads(line)
        try:
            reply = {"answer": verbs[verb](**arguments)}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[-2_000:]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def seconds(work):
    """How many seconds the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
