"""One module each command."""
