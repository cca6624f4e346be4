"""The version of Tornado whose API Waterspout answers to."""

version: str = "6.6.1"
version_info: tuple[int, int, int, int] = (6, 6, 1, 0)
