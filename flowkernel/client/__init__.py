"""The engine from outside: find or start it, ask it, follow what it does."""
