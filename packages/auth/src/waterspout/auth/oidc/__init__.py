"""OpenID Connect: who the user is, proved. Needs ``pip install 'waterspout-auth[oidc]'``."""

from waterspout.auth.oidc._client import OpenIDClient
from waterspout.auth.oidc._client_auth import AppleSecret, PrivateKeyJWT
from waterspout.auth.oidc._keys import KeySet
from waterspout.auth.oidc._logout import LogoutNotice
from waterspout.auth.oidc._metadata import ProviderMetadata

__all__ = ["AppleSecret", "KeySet", "LogoutNotice", "OpenIDClient", "PrivateKeyJWT", "ProviderMetadata"]
