"""The log as evidence: chained by hashes, verified, searched, told to others, kept for a set time."""
