"""Liveness checks: what they ask, whom they may ask, and what came of it."""
