"""The command line: each command's arguments are beside what it does. `main` has the table of all of them."""
