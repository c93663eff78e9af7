"""Programs that run inside the built interpreter; they import nothing of the harness."""
