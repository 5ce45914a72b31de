"""`python -m textvae`, as `torchrun -m textvae` needs it."""

from textvae.cli.main import main

if __name__ == "__main__":
    main()
