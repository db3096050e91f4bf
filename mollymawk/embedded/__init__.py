"""Everything on one machine with one command: what ``manage.py up`` starts, and how it keeps it up.

``environment`` makes and finds the secrets and the socket, ``programs`` says which processes there
are, ``supervisor`` keeps them running, ``tether`` ties a process to the life of its parent.
"""
