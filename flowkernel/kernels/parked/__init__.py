"""Kernels of failed executions, kept alive: who may use them, and how."""
