"""What engine, worker and a flow's kernel agree on."""

#: The `call_key` of what a wrapper runs: all its tries are one call.
CALL_KEY = "wrapped"
#: Begins the text of an exception that ends a flow on purpose; the worker looks for it.
SIGNAL = "flowkernel-signal:"
