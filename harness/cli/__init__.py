"""The command line: each command's arguments stand next to what it does. `main` has the table of all of them."""
