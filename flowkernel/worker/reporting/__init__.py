"""The connection to the engine: assignments, reports, the session of an execution."""
