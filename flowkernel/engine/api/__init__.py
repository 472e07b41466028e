"""The REST API: HTTP and nothing else."""
