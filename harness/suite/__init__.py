"""Runs the test suite of a build: in which order, and each module to its last case."""
