"""Builds CPython for WebAssembly across a matrix, runs its test suite, compares with expectations."""

__version__ = "0.1.0"
