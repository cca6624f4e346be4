"""Names that Tornado's modules have only because they import them, and that applications take from there.

``from tornado.gen import Future`` and ``tornado.web.httputil`` are in no documentation, and in many programs. Under
the alias, and only there, our modules answer to them; each is looked up when it is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from waterspout.tornado._private import MAKERS

NAMESPACE = "waterspout"

#: Where each name comes from, and under which name (after a colon) if it is another.
HOMES: dict[str, str] = {
    name: home
    for home, names in {
        "concurrent": (
            "Future chain_future dummy_executor future_add_done_callback future_set_exc_info"
            " future_set_exception_unless_cancelled future_set_result_unless_cancelled is_future run_on_executor"
        ),
        "escape": "native_str parse_qs_bytes to_unicode url_escape url_unescape utf8",
        "gen": "convert_yielded",
        "http1connection": "HTTP1Connection HTTP1ConnectionParameters HTTP1ServerConnection",
        "httpclient": "AsyncHTTPClient HTTPError HTTPRequest HTTPResponse",
        "httpserver": "HTTPServer",
        "httputil": "url_concat",
        "ioloop": "IOLoop",
        "iostream": "IOStream PipeIOStream SSLIOStream StreamClosedError",
        "locks": "Event",
        "log": "access_log app_log define_logging_options gen_log",
        "netutil": "OverrideResolver Resolver add_accept_handler bind_sockets is_valid_ip ssl_wrap_socket",
        "platform.asyncio": "AsyncIOMainLoop",
        "process": "Subprocess",
        "queues": "Queue",
        "routing": "AnyMatches DefaultHostMatches HostMatches ReversibleRouter ReversibleRuleRouter Rule",
        "tcpclient": "TCPClient",
        "tcpserver": "TCPServer",
        "util": (
            "Configurable GzipDecompressor ObjectDict basestring_type errno_from_exception exec_in import_object"
            " raise_exc_info re_unescape unicode_type"
        ),
        "web": "Application RequestHandler",
        "log:gen_log": "de_dupe_gen_log",
    }.items()
    for name in names.split()
}

#: The names that each of Tornado's modules answers to besides its own; a module's name stands for the module.
NAMES: dict[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "auth": "RequestHandler escape httpclient unicode_type url_concat",
        "autoreload": "gen_log ioloop process",
        "concurrent": "app_log",
        "curl_httpclient": (
            "AsyncHTTPClient HTTPError HTTPRequest HTTPResponse app_log gen httputil ioloop native_str utf8"
        ),
        "escape": "unicode_type",
        "gen": (
            "Future IOLoop app_log chain_future future_add_done_callback future_set_exc_info"
            " future_set_result_unless_cancelled is_future"
        ),
        "http1connection": (
            "Future GzipDecompressor app_log future_add_done_callback future_set_result_unless_cancelled gen gen_log"
            " httputil iostream native_str utf8"
        ),
        "httpclient": (
            "Configurable Future IOLoop future_set_exception_unless_cancelled future_set_result_unless_cancelled gen"
            " httputil native_str utf8"
        ),
        "httpserver": (
            "Configurable HTTP1ConnectionParameters HTTP1ServerConnection TCPServer httputil iostream"
            " native_str netutil"
        ),
        "httputil": "ObjectDict native_str parse_qs_bytes to_unicode unicode_type utf8",
        "ioloop": "Future app_log chain_future future_add_done_callback future_set_exc_info is_future",
        "iostream": "Future errno_from_exception future_set_result_unless_cancelled gen_log ioloop ssl_wrap_socket",
        "locale": "escape gen_log",
        "locks": "Future future_set_result_unless_cancelled gen ioloop",
        "log": "basestring_type unicode_type",
        "netutil": "Configurable IOLoop dummy_executor errno_from_exception run_on_executor",
        "options": "basestring_type define_logging_options exec_in native_str",
        "platform.asyncio": "IOLoop convert_yielded",
        "process": (
            "Future PipeIOStream future_set_exception_unless_cancelled future_set_result_unless_cancelled gen_log"
            " ioloop"
        ),
        "queues": "Event Future future_set_result_unless_cancelled ioloop",
        "routing": (
            "app_log basestring_type httputil import_object re_unescape unicode_type url_escape url_unescape utf8"
        ),
        "simple_httpclient": (
            "AsyncHTTPClient Future HTTP1Connection HTTP1ConnectionParameters HTTPError HTTPRequest HTTPResponse IOLoop"
            " IOStream OverrideResolver Resolver StreamClosedError TCPClient gen gen_log httputil is_valid_ip"
        ),
        "tcpclient": "Future IOLoop IOStream Resolver future_add_done_callback gen",
        "tcpserver": (
            "IOLoop IOStream SSLIOStream add_accept_handler app_log bind_sockets errno_from_exception gen process"
            " ssl_wrap_socket"
        ),
        "template": "ObjectDict app_log escape exec_in unicode_type",
        "testing": (
            "Application AsyncHTTPClient AsyncIOMainLoop HTTPResponse HTTPServer IOLoop Subprocess app_log"
            " basestring_type gen netutil raise_exc_info"
        ),
        "web": (
            "AnyMatches DefaultHostMatches Future HTTPServer HostMatches ObjectDict ReversibleRouter"
            " ReversibleRuleRouter Rule access_log app_log escape future_set_result_unless_cancelled gen gen_log"
            " httputil iostream locale template unicode_type utf8"
        ),
        "websocket": (
            "Future IOLoop IOStream Queue Resolver StreamClosedError TCPClient app_log de_dupe_gen_log"
            " future_add_done_callback future_set_result_unless_cancelled gen gen_log httpclient httputil native_str"
            " simple_httpclient to_unicode utf8"
        ),
        "wsgi": "IOLoop access_log dummy_executor escape httputil",
    }.items()
}


def add_incidental_names(module: ModuleType, name: str) -> None:
    """Let ``module``, Tornado's ``name`` (``"web"``), answer to what `NAMES` and `MAKERS` list; its own names win."""
    names, makers = NAMES.get(name, frozenset()), MAKERS.get(name, {})
    if not names and not makers:
        return
    own: Callable[[str], Any] | None = vars(module).get("__getattr__")

    def answer(attribute: str) -> Any:
        if attribute in names:
            home, _, other = HOMES.get(attribute, "").partition(":")
            source = importlib.import_module(f"{NAMESPACE}.{home or attribute}")
            value = getattr(source, other or attribute) if home else source
            setattr(module, attribute, value)
            return value
        if attribute in makers:
            value = makers[attribute]()
            setattr(module, attribute, value)
            return value
        if own is not None:
            return own(attribute)
        raise AttributeError(f"module {module.__name__!r} has no attribute {attribute!r}")

    module.__dict__["__getattr__"] = answer
