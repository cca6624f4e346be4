"""The version of Tornado whose API Waterspout answers to."""

version = "6.6.1"
version_info = (6, 6, 1, 0)
