"""Values and decisions: the standard library alone, and no effects."""
