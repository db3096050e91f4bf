"""Builds: what a builder-web server has, what changed between two builds, whether there is a newer one.

``client`` asks a server; ``answers``, ``compare``, ``risk`` and ``status`` are pure; ``simulator`` is a small
server for development and tests. None of these needs Django.

``edge`` makes clients of rows, ``rows`` and ``packing`` keep what they tell, ``services`` is what pages, API and
commands call, ``lookups`` answers people in a worker, ``polling`` looks for newer builds, ``standings`` tells the
unikernels, ``download`` fetches images.
"""
