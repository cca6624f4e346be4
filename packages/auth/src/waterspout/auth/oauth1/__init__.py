"""OAuth 1.0a (RFC 5849): signed requests, for the sites that still want them."""

from waterspout.auth.oauth1._client import OAuth1Client, OAuth1Token
from waterspout.auth.oauth1._signature import authorization_header, base_string, signature

__all__ = ["OAuth1Client", "OAuth1Token", "authorization_header", "base_string", "signature"]
