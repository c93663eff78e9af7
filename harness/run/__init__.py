"""One run: from a cell's name to its results."""
