# Importing the module raises a plain Exception.

raise Exception("on purpose")
