"""Runs inside the built interpreter: the agent, with the suite's own platform gates forced open."""
