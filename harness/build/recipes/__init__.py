"""The steps that build one layout of CPython, as data."""
