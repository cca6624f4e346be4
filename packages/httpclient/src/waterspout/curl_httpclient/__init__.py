"""An HTTP client on libcurl, with the extra ``waterspout-httpclient[curl]``: HTTP/2 and all that curl can do."""

from waterspout.curl_httpclient._client import CR_OR_LF_RE, CurlAsyncHTTPClient, CurlError, curl_log

__all__ = ["CR_OR_LF_RE", "CurlAsyncHTTPClient", "CurlError", "curl_log"]
