"""What the documentation has and this version has not, and what to use instead."""

#: Methods of an execution, each with a sentence of advice.
MISSING_METHODS = {
    "connect": "Connectors come later; until then use a Python package in the flow.",
    "task": "Connectors come later; until then use a Python package in the flow.",
    "script": "Register the code with %%flow and start it with this.flow(NAME).",
    "webhook_html_response": "Webhooks come later.",
    "save_dump": "Savepoints are not offered: children that succeeded are not run twice.",
    "load_dump": "Savepoints are not offered: children that succeeded are not run twice.",
}
#: Arguments of `this.flow()`.
MISSING_ARGUMENTS = frozenset({"protect_inputs", "protect_outputs", "init"})
