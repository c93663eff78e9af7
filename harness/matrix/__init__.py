"""Cells, their axes, the pins of what they are made from."""
