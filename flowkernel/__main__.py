"""`python -m flowkernel`: the command line."""

from flowkernel.cli import main

if __name__ == "__main__":
    main()
