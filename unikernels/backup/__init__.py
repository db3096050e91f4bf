"""A backup: everything that cannot be made again, in one file, and bringing it back."""
