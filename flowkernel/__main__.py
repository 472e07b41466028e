"""`python -m flowkernel`: the command line."""

import sys

from flowkernel.cli import main

if __name__ == "__main__":
    sys.exit(main())
