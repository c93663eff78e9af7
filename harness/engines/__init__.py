"""Drivers of the runtimes: one supervised child process each, one protocol."""
