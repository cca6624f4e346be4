"""Twisted on the same event loop."""

from waterspout.platform.twisted._reactor import install

__all__ = ["install"]
