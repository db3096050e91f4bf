"""A small builder-web for development and tests: its jobs and builds are made up, its manners are real.

The images are genuine ELF files that the simulated Albatross instance runs; some are broken on purpose.
It listens on 127.0.0.1 only and keeps everything in memory; the same start gives the same builds.
Nothing here knows the client.
"""
