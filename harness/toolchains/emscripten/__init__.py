"""Emscripten: what every one looks like, how it is tried, and one module for each provider."""
