"""Block devices of teams: made and removed. Their contents come and go by operations."""
