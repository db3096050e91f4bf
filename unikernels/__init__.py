"""Unikernels: one folder a concept."""
