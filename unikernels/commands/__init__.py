"""What the operators' commands have in common: output, exit codes, waiting for operations."""
