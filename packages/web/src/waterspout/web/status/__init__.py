"""A page that shows what a server is doing now: `StatusPage`, off until it is mounted."""

from waterspout.web.status._page import StatusPage

__all__ = ["StatusPage"]
