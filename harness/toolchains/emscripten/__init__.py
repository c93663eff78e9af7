"""Emscripten: the layout of every toolchain, how one is tried, and a module for each provider."""
