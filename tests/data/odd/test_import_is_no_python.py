# The module is no Python.

def this is not:
