"""People, teams, tokens, and what happened."""
