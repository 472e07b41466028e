"""The routes, by noun: each reads the request, calls the engine, responds."""
