"""The process that answers SQL questions, from a copy of the database of its own."""
