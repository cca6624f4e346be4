"""A web framework with asynchronous handlers, for large numbers of open connections."""

from typing import TYPE_CHECKING

from waterspout.routing import URLSpec
from waterspout.util import exports
from waterspout.web._application import Application
from waterspout.web._errors import Finish, HTTPError, MissingArgumentError
from waterspout.web._handler import RequestHandler
from waterspout.web._handlers import ErrorHandler, FallbackHandler, RedirectHandler
from waterspout.web._urls import is_absolute

if TYPE_CHECKING:
    from waterspout.web._asgi import asgi
    from waterspout.web._compress import GZipContentEncoding, NegotiatedContentEncoding
    from waterspout.web._cors import CORSPolicy
    from waterspout.web._decorators import (
        addslash,
        authenticated,
        cors,
        read_request_body,
        removeslash,
        stream_request_body,
    )
    from waterspout.web._parts import Part
    from waterspout.web._problem import Problem
    from waterspout.web._ratelimit import rate_limit
    from waterspout.web._redirect import safe_next
    from waterspout.web._signed import (
        DEFAULT_SIGNED_VALUE_MIN_VERSION,
        DEFAULT_SIGNED_VALUE_VERSION,
        MAX_SUPPORTED_SIGNED_VALUE_VERSION,
        MIN_SUPPORTED_SIGNED_VALUE_VERSION,
        create_signed_value,
        decode_signed_value,
        get_signature_key_version,
    )
    from waterspout.web._signedurl import sign_url, verify_url
    from waterspout.web._staticfiles import StaticFileHandler
    from waterspout.web._transform import OutputTransform
    from waterspout.web._uimodules import TemplateModule, UIModule

url = URLSpec

__all__ = [
    "DEFAULT_SIGNED_VALUE_MIN_VERSION",
    "DEFAULT_SIGNED_VALUE_VERSION",
    "MAX_SUPPORTED_SIGNED_VALUE_VERSION",
    "MIN_SUPPORTED_SIGNED_VALUE_VERSION",
    "Application",
    "CORSPolicy",
    "ErrorHandler",
    "FallbackHandler",
    "Finish",
    "GZipContentEncoding",
    "HTTPError",
    "MissingArgumentError",
    "NegotiatedContentEncoding",
    "OutputTransform",
    "Part",
    "Problem",
    "RedirectHandler",
    "RequestHandler",
    "StaticFileHandler",
    "TemplateModule",
    "UIModule",
    "URLSpec",
    "addslash",
    "asgi",
    "authenticated",
    "cors",
    "create_signed_value",
    "decode_signed_value",
    "get_signature_key_version",
    "is_absolute",
    "rate_limit",
    "read_request_body",
    "removeslash",
    "safe_next",
    "sign_url",
    "stream_request_body",
    "url",
    "verify_url",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _asgi="asgi",
        _compress="GZipContentEncoding NegotiatedContentEncoding",
        _cors="CORSPolicy",
        _decorators="addslash authenticated cors read_request_body removeslash stream_request_body",
        _parts="Part",
        _problem="Problem",
        _ratelimit="rate_limit",
        _redirect="safe_next",
        _signed=(
            "DEFAULT_SIGNED_VALUE_MIN_VERSION DEFAULT_SIGNED_VALUE_VERSION MAX_SUPPORTED_SIGNED_VALUE_VERSION "
            "MIN_SUPPORTED_SIGNED_VALUE_VERSION create_signed_value decode_signed_value get_signature_key_version"
        ),
        _signedurl="sign_url verify_url",
        _staticfiles="StaticFileHandler",
        _transform="OutputTransform",
        _uimodules="TemplateModule UIModule",
    )
