"""The documentation's statements, tried out in the interpreter that was just built."""
