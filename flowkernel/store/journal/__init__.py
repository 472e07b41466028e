"""The journal on disk, in segments of frames. What is in it is acknowledged."""
