"""The WSGI environment of a request (PEP 3333)."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from waterspout.httputil import HTTPServerRequest, split_host_and_port

__all__ = ["make_environ", "to_wsgi_str"]

#: Fields that have a name of their own in the environment. `Proxy` would become HTTP_PROXY, which programs that run
#: from the environment take for configuration (httpoxy, CVE-2016-5385).
_NOT_HTTP = frozenset(("CONTENT-TYPE", "CONTENT-LENGTH", "PROXY"))


def to_wsgi_str(s: bytes) -> str:
    """Bytes as the text that WSGI wants them in (PEP 3333): Latin-1."""
    return s.decode("latin-1")


def make_environ(request: HTTPServerRequest, *, multithread: bool) -> dict[str, Any]:
    """The dictionary that a WSGI application is called with; the body is in ``wsgi.input``."""
    host, port = split_host_and_port(request.host)
    if port is None:
        port = 443 if request.protocol == "https" else 80
    environ: dict[str, Any] = {
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": request.version,
        "REMOTE_ADDR": request.remote_ip,
        "REQUEST_METHOD": request.method,
        # Where a trusted proxy says below which prefix it has published the server, URLs that are made begin with it.
        "SCRIPT_NAME": to_wsgi_str(unquote_to_bytes(request.prefix)),
        "PATH_INFO": to_wsgi_str(unquote_to_bytes(request.path)),
        "QUERY_STRING": request.query,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.protocol,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.run_once": False,
        "wsgi.multiprocess": True,
        "wsgi.multithread": multithread,
    }
    if request.complete:
        environ["CONTENT_LENGTH"] = str(len(request.body))
    elif request.content_length is not None:
        environ["CONTENT_LENGTH"] = str(request.content_length)
    if "Content-Type" in request.headers:
        environ["CONTENT_TYPE"] = request.headers["Content-Type"]
    for name, value in request.headers.items():
        upper = name.upper()
        # An underscore in a field's name would be taken for the dash of another one (XH11).
        if upper not in _NOT_HTTP and "_" not in name:
            environ["HTTP_" + upper.replace("-", "_")] = value
    return environ
