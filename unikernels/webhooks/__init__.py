"""Telling programs what happened: signed HTTP requests to addresses that owners of teams gave."""
