"""Trusted publishers: workflows that get a short token for their identity, and so need no secret."""
