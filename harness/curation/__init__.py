"""Maintenance of the lists: lint, update, imports, exports and pins. A run imports nothing of this package."""
