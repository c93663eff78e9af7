"""Runs the test suite of a build: which modules there are, in which order, and each of them to the last case."""
