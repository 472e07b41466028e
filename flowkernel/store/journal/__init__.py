"""What is acknowledged, on disk: segments of frames."""
