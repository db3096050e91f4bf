"""Taking people into a team by mail: whoever reads the mail of an address may join as what was offered."""
