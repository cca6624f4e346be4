"""pycurl, or a word about where to get it."""

from __future__ import annotations

try:
    import pycurl
except ImportError as error:
    raise ImportError(
        "waterspout.curl_httpclient needs pycurl: install it by `pip install 'waterspout-httpclient[curl]'`"
    ) from error

__all__ = ["pycurl"]
