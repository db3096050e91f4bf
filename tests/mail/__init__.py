"""Mail: who gets what, and that it arrives."""
