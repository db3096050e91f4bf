"""Images: the content-addressed store, and what teams have in it."""
