"""Changes single statements of the harness and asks the unit tests whether they notice: `python -m tests.mutants`."""
