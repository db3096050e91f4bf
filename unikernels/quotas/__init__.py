"""What teams may use on an instance: what was granted, what it enforces, what is used."""
