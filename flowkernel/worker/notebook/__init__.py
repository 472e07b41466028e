"""One notebook in one kernel: rendered, run cell by cell, saved; its output received."""
