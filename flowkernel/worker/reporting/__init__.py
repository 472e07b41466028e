"""To the engine and back: assignments, reports, one execution's session."""
