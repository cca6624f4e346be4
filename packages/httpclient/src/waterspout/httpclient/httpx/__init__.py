"""httpx on this package's connections: ``httpx.AsyncClient(transport=WaterspoutTransport())``."""

from waterspout.httpclient.httpx._transport import WaterspoutTransport

__all__ = ["WaterspoutTransport"]
