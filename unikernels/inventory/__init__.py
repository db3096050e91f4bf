"""What instances report, compared with what we know, and written where it differs."""
