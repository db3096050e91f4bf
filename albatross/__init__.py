"""The client of Albatross instances, a library; beside it the model ``Instance``."""
