"""Other tools that run notebooks, each with its real package: what changes is one argument."""
