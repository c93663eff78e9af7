"""Bundles: a finished build as one file, to be tested on a machine that has no compiler."""
