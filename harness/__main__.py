"""`python -m harness`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whatever `python3` is on this machine may be older
    sys.exit(f"error: the harness needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}")

from harness.cli.main import main

sys.exit(main())
