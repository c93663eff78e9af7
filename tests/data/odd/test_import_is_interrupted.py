# Importing the module raises KeyboardInterrupt.

raise KeyboardInterrupt
