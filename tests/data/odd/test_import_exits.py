# Importing the module raises SystemExit.

import sys

sys.exit(3)
