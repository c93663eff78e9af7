"""Finds the version or the commit at which one case began to do something else."""
