"""Instances: adding, testing and removing them, and the log of what went wrong with them."""
