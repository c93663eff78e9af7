"""Runs over several machines by pytest-xdist's `--tx ssh=...`: the code of both sides."""
