"""Widgets in a notebook: the tree of an execution, and prompts."""
