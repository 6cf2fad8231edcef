"""Figures against floors: `python -m benchmarks`, or `make bench`.

Every ratio is taken in one interleaved run, each side in a process of its own, and is the
median of at least three rounds. Nothing here is a test: a busy machine may exceed a goal.
"""
