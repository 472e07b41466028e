"""What we measure ourselves against: `python -m benchmarks`, from a checkout."""
