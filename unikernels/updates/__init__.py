"""When and what is upgraded without a person: modes, maintenance windows, freezes, rounds."""
