"""Deleting a team or a person: what it would mean for what runs, said first, and then done or refused."""
