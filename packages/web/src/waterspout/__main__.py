"""``python -m waterspout``: the command line, see `waterspout.cli`."""

from waterspout.cli import main

if __name__ == "__main__":
    main()
