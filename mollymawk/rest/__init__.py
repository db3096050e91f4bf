"""What all endpoints below ``/api/v1/`` have in common, whichever app they belong to."""
