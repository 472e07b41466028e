"""Who runs, who waits, and what follows from a loss or a cancel."""
