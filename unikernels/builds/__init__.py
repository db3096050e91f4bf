"""Builds: what a builder-web server has, what changed between two builds, whether there is a newer one.

``client`` asks a server; ``answers``, ``compare``, ``risk`` and ``status`` are pure; ``simulator`` is a small
server for development and tests. Nothing here needs Django.
"""
