"""Computes a proposed change of the lists from results."""
