"""A backup is whole or refused, and what is brought back is what was."""
