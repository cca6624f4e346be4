"""``python -m waterspout.autoreload``."""

from waterspout.autoreload._command import main

main()
