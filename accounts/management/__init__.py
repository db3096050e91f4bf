"""Commands about people, teams and tokens."""
