"""The live execution tree in a notebook."""
