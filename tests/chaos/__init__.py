"""Chaos: processes are killed at random, prompts are answered twice; every promise stays true.

    python -m tests.chaos --seed S --seconds N [--home DIR]

A seed says what is started, answered, cancelled and killed; the times are those of the machine.
"""
