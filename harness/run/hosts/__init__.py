"""A run over several machines by pytest-xdist's `--tx ssh=...`: what each side does for the other."""
