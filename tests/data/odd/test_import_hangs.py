# Importing the module takes for ever.

while True:
    pass
