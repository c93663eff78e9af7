"""Outcomes, verdicts and the results of a cell."""
