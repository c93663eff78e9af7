"""The history over runs: what each case did on each cell, stored as changes. SQLite is in `store.py` alone."""
