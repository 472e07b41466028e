"""What runs inside a fork server, and in the kernels that it forks."""
