"""What runs in an engine's own process. Started by path; imports nothing of the harness."""
