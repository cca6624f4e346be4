"""``python -m waterspout.tornado``: run a Tornado application on Waterspout."""

from waterspout.tornado._command import main

main()
