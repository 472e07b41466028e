"""Performance compared with other tools: `python -m benchmarks`, from a checkout."""
