"""The command line. Each file has the arguments of some commands next to their functions; `main` has their table."""
