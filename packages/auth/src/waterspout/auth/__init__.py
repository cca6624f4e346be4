"""Signing in with other sites' accounts: errors, and the mixins with Tornado's names.

The rest is in packages of its own: `waterspout.auth.signin` (handlers that do it all), `waterspout.auth.oidc`,
`waterspout.auth.oauth2`, `waterspout.auth.oauth1`, `waterspout.auth.providers` and `waterspout.auth.sessions`.
"""

from waterspout.auth._errors import AuthError, CheckFailed, ProviderRefused, ProviderUnreachable
from waterspout.auth._facebook import FacebookGraphMixin
from waterspout.auth._google import GoogleOAuth2Mixin
from waterspout.auth._oauth1_mixin import OAuthMixin
from waterspout.auth._oauth2_mixin import OAuth2Mixin
from waterspout.auth._openid2 import OpenIdMixin
from waterspout.auth._twitter import TwitterMixin

__all__ = [
    "AuthError",
    "CheckFailed",
    "FacebookGraphMixin",
    "GoogleOAuth2Mixin",
    "OAuth2Mixin",
    "OAuthMixin",
    "OpenIdMixin",
    "ProviderRefused",
    "ProviderUnreachable",
    "TwitterMixin",
]
