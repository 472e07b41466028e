"""The flows of a campaign: leaves with an effect each, and parents of any depth."""

import json

import nbformat

from flowkernel.client.flow_source import current_environment
from flowkernel.core.models import Flow, FlowKind
from tests.chaos.arena import Arena

#: An effect is one line at the end of a file outside the home, on the disk.
_EFFECT = """
import json, os, time

def effect(what, **more):
    line = {
        "what": what, "key": inputs["key"], "at": time.time(), "pid": os.getpid(),
        "execution_id": this.get("execution_id"), "attempt": this.get("losses") + 1, **more,
    }
    file = os.open(inputs["effects"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (json.dumps(line) + "\\n").encode())
    os.fsync(file)
    os.close(file)

def fail_as_planned():
    with open(inputs["effects"]) as file:
        lines = [json.loads(line) for line in file if line.endswith("\\n")]
    begun = [l for l in lines if (l["key"], l["what"]) == (inputs["key"], "begin")]
    if len(begun) <= inputs["failures"]:
        raise RuntimeError("fails as planned")
"""
_BEGIN = _EFFECT + 'effect("begin")\ntime.sleep(inputs["work"])\n'
_DONE = 'effect("done")\nthis.set_output(key=inputs["key"])\n'

#: Fails in its first `failures` tries, then does what it has to do.
LEAF = _BEGIN + 'print("at work")\nfail_as_planned()\n' + _DONE
SLEEPER = _BEGIN + 'this.sleep(inputs["sleep"])\n' + _DONE
ASKER = (
    _BEGIN
    + 'answer = this.message("asked by " + inputs["key"], request="what?")\n'
    + 'this.message("noted by " + inputs["key"], "thanks", wait=False)\n'
    + 'effect("done", answer=answer.get("response")["string"])\n'
    + 'this.set_output(key=inputs["key"])\n'
)
#: The cells of a notebook: a person can run the third again, or skip it.
MENDER = [
    _BEGIN,
    'effect("done")',
    "fail_as_planned()",
    'this.set_output(key=inputs["key"])',
]
#: Starts its calls in turn, each after the one before has succeeded, or all together.
PARENT = """
def start(call, wait):
    return this.flow(
        call["flow"], inputs=call["inputs"], key=call["key"], using=call["using"], wait=wait
    )

if inputs["mode"] == "in turn":
    children = [start(call, True) for call in inputs["calls"]]
else:
    children = [start(call, False) for call in inputs["calls"]]
    this.wait_for(*children, return_when=system.return_when.ALL_ENDED)
    if inputs["mode"] == "together":
        this.wait_for(*children)
this.set_output(children=[child.load("status") for child in children])
"""
CELLS = {
    "leaf": LEAF,
    "sleeper": SLEEPER,
    "asker": ASKER,
    "mid": PARENT,
    "top": PARENT,
}


def flows(arena: Arena) -> list[Flow]:
    """What is registered, for the Python of this process."""
    environment = current_environment(arena.path)
    sources = [(name, FlowKind.CELL, source) for name, source in CELLS.items()]
    sources.append(("mender", FlowKind.NOTEBOOK, _notebook(MENDER)))
    return [
        Flow(name=name, kind=kind, source=source, environment=environment)
        for name, kind, source in sources
    ]


def _notebook(sources: list[str]) -> str:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return json.dumps(nbformat.v4.new_notebook(cells=cells))
