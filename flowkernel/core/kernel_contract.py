"""What engine, worker and a flow's kernel agree on."""

#: All tries of what is wrapped are one call.
CALL_KEY = "wrapped"
#: What the worker knows a lifecycle signal by.
SIGNAL = "flowkernel-signal:"
