"""OAuth 2.0: tokens for other sites' APIs, and sign-in where a provider knows no OpenID Connect."""

from waterspout.auth._pending import PendingSignIn, code_challenge
from waterspout.auth.oauth2._client import OAuth2Client
from waterspout.auth.oauth2._client_auth import ClientAuth, ClientSecretBasic, ClientSecretPost, PublicClient
from waterspout.auth.oauth2._identity import Identity
from waterspout.auth.oauth2._keeper import TokenKeeper
from waterspout.auth.oauth2._tokens import TokenSet

__all__ = [
    "ClientAuth",
    "ClientSecretBasic",
    "ClientSecretPost",
    "Identity",
    "OAuth2Client",
    "PendingSignIn",
    "PublicClient",
    "TokenKeeper",
    "TokenSet",
    "code_challenge",
]
