"""The code that runs inside the built interpreter. It imports nothing of the harness and suits CPython 3.11
and later.
"""
