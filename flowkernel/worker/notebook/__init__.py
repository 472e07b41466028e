"""One notebook in one kernel: rendered, run cell by cell, listened to, saved."""
