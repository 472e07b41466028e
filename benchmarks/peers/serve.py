"""A driver's side of the pipe: questions in, answers out, a line of JSON each."""

import json
import os
import sys
import time
from importlib.metadata import version


def serve(packages, **verbs):
    """Answer until there are no more questions. What peers print goes to the log."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    verbs["versions"] = lambda: {name: version(name) for name in packages}
    for line in sys.stdin:
        what, arguments = json.loads(line)
        try:
            told = {"answer": verbs[what](**arguments)}
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"[-2_000:]}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def seconds(work):
    """How long it took."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
