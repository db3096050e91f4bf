"""Measurements, printed beside their targets: ``make bench``."""
