"""Field names in the case that `HTTPHeaders` keeps them in: ``Http-Header-Case``.

Names are looked up in a fixed table first, both in their usual spelling and in lower case; only a name that is not
in it costs a computation. A cache that learns names from the network would have to be bounded and shared; the table
needs neither.
"""

from __future__ import annotations

import re
from typing import Final

_COMMON_NAMES: Final = tuple(
    """
    Accept Accept-Charset Accept-Encoding Accept-Language Accept-Patch Accept-Ranges
    Access-Control-Allow-Credentials Access-Control-Allow-Headers Access-Control-Allow-Methods
    Access-Control-Allow-Origin Access-Control-Expose-Headers Access-Control-Max-Age
    Access-Control-Request-Headers Access-Control-Request-Method Age Allow Alt-Svc Authorization Baggage
    Cache-Control Cdn-Loop Cf-Connecting-Ip Cf-Ray Clear-Site-Data Connection Content-Disposition Content-Encoding
    Content-Language Content-Length Content-Location Content-Range Content-Security-Policy
    Content-Security-Policy-Report-Only Content-Transfer-Encoding Content-Type Cookie Cross-Origin-Embedder-Policy
    Cross-Origin-Opener-Policy Cross-Origin-Resource-Policy Date Dnt Early-Data Etag Expect Expires Forwarded From
    Host If-Match If-Modified-Since If-None-Match If-Range If-Unmodified-Since Keep-Alive Last-Event-Id
    Last-Modified Link Location Max-Forwards Origin Permissions-Policy Pragma Prefer Priority Proxy-Authenticate
    Proxy-Authorization Proxy-Connection Range Referer Referrer-Policy Retry-After Sec-Ch-Ua Sec-Ch-Ua-Mobile
    Sec-Ch-Ua-Platform Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Sec-Gpc Sec-Websocket-Accept
    Sec-Websocket-Extensions Sec-Websocket-Key Sec-Websocket-Protocol Sec-Websocket-Version Server Server-Timing
    Set-Cookie Strict-Transport-Security Te Timing-Allow-Origin Traceparent Tracestate Trailer Transfer-Encoding
    Upgrade Upgrade-Insecure-Requests User-Agent Vary Via Www-Authenticate X-Content-Type-Options X-Correlation-Id
    X-Csrftoken X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Proto X-Frame-Options
    X-Http-Method-Override X-Powered-By X-Real-Ip X-Request-Id X-Requested-With X-Robots-Tag X-Scheme X-Xsrftoken
    X-Xss-Protection
    """.split()
)

#: Spellings that are usual on the wire and differ from ``Http-Header-Case``.
_USUAL_SPELLINGS: Final = tuple(
    """
    DNT ETag TE CF-Connecting-IP CF-RAY Last-Event-ID Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-GPC
    Sec-WebSocket-Accept Sec-WebSocket-Extensions Sec-WebSocket-Key Sec-WebSocket-Protocol Sec-WebSocket-Version
    WWW-Authenticate X-CSRFToken X-Correlation-ID X-HTTP-Method-Override X-Real-IP X-Request-ID X-XSRFToken
    X-XSS-Protection
    """.split()
)

#: Every known spelling of a common field name to its ``Http-Header-Case``; each key is a valid token.
KNOWN: Final[dict[str, str]] = {
    **{name.lower(): name for name in _COMMON_NAMES},
    **{spelling: spelling.title() for spelling in _USUAL_SPELLINGS},
    **{name: name for name in _COMMON_NAMES},
}

#: A token (RFC 9110, 5.6.2), which every field name and method is.
TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")


def normalize(name: str) -> str:
    """*name* with the first letter of each ``-``-separated word upper case and the rest lower case.

    Does not check that *name* is a token.
    """
    known = KNOWN.get(name)
    if known is not None:
        return known
    # title() also starts a word after a digit, "_" or any other non-letter; only "-" may.
    if name.replace("-", "").isalpha():
        return name.title()
    return "-".join([word.capitalize() for word in name.split("-")])
