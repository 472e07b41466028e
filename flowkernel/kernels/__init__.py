"""Kernels from a fork server, through jupyter_client's provisioner seam."""
