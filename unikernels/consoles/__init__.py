"""Consoles: followed by a watcher while somebody looks, kept for a while in Redis, read from there.

An instance lets few readers follow a console, so there is one for all of us. Lines are untrusted
bytes; what they could do to a terminal or a page is made visible instead.
"""
