"""The process that owns the store: service, dispatcher, REST API."""
