"""The client of an engine: find or start it, send requests, follow executions."""
