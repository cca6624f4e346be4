"""HTTP messages: headers, start lines, requests, bodies, cookies, dates, ranges; and the delegate interfaces."""

from typing import TYPE_CHECKING

from waterspout.util import exports

if TYPE_CHECKING:
    from waterspout.httputil._boundary import boundary_of
    from waterspout.httputil._charset import charset_of
    from waterspout.httputil._cookies import parse_cookie, parse_cookie_pairs
    from waterspout.httputil._credentials import encode_username_password
    from waterspout.httputil._dates import format_timestamp, parse_date
    from waterspout.httputil._delegates import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
    from waterspout.httputil._errors import HTTPInputError, HTTPOutputError, InvalidFieldError
    from waterspout.httputil._file import HTTPFile, safe_filename
    from waterspout.httputil._headers import HTTP_WHITESPACE, HTTPHeaders
    from waterspout.httputil._identity import ClientIdentity
    from waterspout.httputil._limits import (
        ParseBodyConfig,
        ParseMultipartConfig,
        ParseUrlEncodedConfig,
        default_parse_body_config,
        set_parse_body_config,
    )
    from waterspout.httputil._loggable import MASK, is_secret_name, loggable, mask_query, request_summary
    from waterspout.httputil._loglimit import LogLimit
    from waterspout.httputil._multipart import parse_body_arguments, parse_multipart_form_data
    from waterspout.httputil._multipart_stream import MultipartStream, PartData, PartEnd, PartHead
    from waterspout.httputil._parameters import decode_extended_value, parse_parameters, split_parameters
    from waterspout.httputil._quality import choose_by_quality, parse_quality_list
    from waterspout.httputil._ranges import content_range, parse_range
    from waterspout.httputil._request import HTTPServerRequest
    from waterspout.httputil._startlineparsing import parse_request_start_line, parse_response_start_line
    from waterspout.httputil._startlines import RequestStartLine, ResponseStartLine
    from waterspout.httputil._status import responses
    from waterspout.httputil._url import parse_host, qs_to_qsl, split_host_and_port, url_concat
    from waterspout.httputil._urlencoded import parse_urlencoded

__all__ = [
    "ClientIdentity",
    "HTTP_WHITESPACE",
    "MASK",
    "HTTPConnection",
    "HTTPFile",
    "HTTPHeaders",
    "HTTPInputError",
    "HTTPMessageDelegate",
    "HTTPOutputError",
    "HTTPServerConnectionDelegate",
    "HTTPServerRequest",
    "InvalidFieldError",
    "LogLimit",
    "MultipartStream",
    "ParseBodyConfig",
    "ParseMultipartConfig",
    "ParseUrlEncodedConfig",
    "PartData",
    "PartEnd",
    "PartHead",
    "RequestStartLine",
    "ResponseStartLine",
    "boundary_of",
    "charset_of",
    "choose_by_quality",
    "content_range",
    "decode_extended_value",
    "default_parse_body_config",
    "encode_username_password",
    "format_timestamp",
    "is_secret_name",
    "loggable",
    "mask_query",
    "parse_body_arguments",
    "parse_cookie",
    "parse_cookie_pairs",
    "parse_date",
    "parse_host",
    "parse_multipart_form_data",
    "parse_parameters",
    "parse_quality_list",
    "parse_range",
    "parse_request_start_line",
    "parse_response_start_line",
    "parse_urlencoded",
    "qs_to_qsl",
    "request_summary",
    "responses",
    "safe_filename",
    "set_parse_body_config",
    "split_host_and_port",
    "split_parameters",
    "url_concat",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _boundary="boundary_of",
        _charset="charset_of",
        _cookies="parse_cookie parse_cookie_pairs",
        _credentials="encode_username_password",
        _dates="format_timestamp parse_date",
        _delegates="HTTPConnection HTTPMessageDelegate HTTPServerConnectionDelegate",
        _errors="HTTPInputError HTTPOutputError InvalidFieldError",
        _file="HTTPFile safe_filename",
        _headers="HTTP_WHITESPACE HTTPHeaders",
        _identity="ClientIdentity",
        _limits=(
            "ParseBodyConfig ParseMultipartConfig ParseUrlEncodedConfig default_parse_body_config set_parse_body_config"
        ),
        _loggable="MASK is_secret_name loggable mask_query request_summary",
        _loglimit="LogLimit",
        _multipart="parse_body_arguments parse_multipart_form_data",
        _multipart_stream="MultipartStream PartData PartEnd PartHead",
        _parameters="decode_extended_value parse_parameters split_parameters",
        _quality="choose_by_quality parse_quality_list",
        _ranges="content_range parse_range",
        _request="HTTPServerRequest",
        _startlineparsing="parse_request_start_line parse_response_start_line",
        _startlines="RequestStartLine ResponseStartLine",
        _status="responses",
        _url="parse_host qs_to_qsl split_host_and_port url_concat",
        _urlencoded="parse_urlencoded",
    )
