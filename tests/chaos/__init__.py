"""Chaos: operations under every fault and every pair of faults, in virtual time, judged by an oracle.

One thread, one clock that jumps to the next thing that happens, real code and a real database: a run
takes hundredths of a second however long its operation waits, and the same run is the same each time.
``python -m tests.chaos --help`` runs it; ``tests/chaos/test_chaos.py`` runs a sample.
"""
