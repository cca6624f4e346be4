"""pycurl, or a word about where to get it."""

from __future__ import annotations

try:
    import pycurl
except ModuleNotFoundError as error:
    # Of the same kind and name as without our word: who can do without (pytest.importorskip) looks at both.
    raise ModuleNotFoundError(
        "waterspout.curl_httpclient needs pycurl: install it by `pip install 'waterspout-httpclient[curl]'`",
        name=error.name,
    ) from error

__all__ = ["pycurl"]
