"""How a command ended, as a number for shells and programs."""

#: 0 to 4, in this order.
SUCCESS, FAILED, BAD_REQUEST, CANCELLED, NO_ENGINE = range(5)
#: As shells have it: a person interrupted this command; the run continues.
INTERRUPTED = 130
#: As shells have it: the program that read our output ended, as `head` does.
READER_GONE = 141
