"""How a command says how it went."""

#: 0 to 4, in this order.
SUCCESS, FAILED, BAD_REQUEST, CANCELLED, NO_ENGINE = range(5)
#: As a shell says it: the person stopped this command, nothing else.
INTERRUPTED = 130
#: As a shell says it: whoever read our output went away.
READER_GONE = 141
