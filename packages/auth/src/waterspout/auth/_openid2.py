"""OpenIdMixin: OpenID 2.0 and Attribute Exchange, with Tornado's names. Kept for what still needs it.

OpenID Connect, which has nothing in common with it but the name, is in `waterspout.auth.oidc`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from waterspout.auth._endpoints import without_query
from waterspout.auth._errors import AuthError, CheckFailed
from waterspout.auth._legacy import ProviderMixin, fetched
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httputil import url_concat

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

__all__ = ["OpenIdMixin"]

_NAMESPACE = "http://specs.openid.net/auth/2.0"
_SELECT = f"{_NAMESPACE}/identifier_select"
_AX = "http://openid.net/srv/ax/1.0"
_ATTRIBUTES = {
    "name": {
        "firstname": "http://axschema.org/namePerson/first",
        "fullname": "http://axschema.org/namePerson",
        "lastname": "http://axschema.org/namePerson/last",
    },
    "email": {"email": "http://axschema.org/contact/email"},
    "language": {"language": "http://axschema.org/pref/language"},
    "username": {"username": "http://axschema.org/namePerson/friendly"},
}
#: What a positive assertion must have signed (OpenID Authentication 2.0, 10.1).
_MUST_BE_SIGNED = frozenset(("op_endpoint", "return_to", "response_nonce", "assoc_handle", "claimed_id", "identity"))


class OpenIdMixin(ProviderMixin):
    """For a `RequestHandler` beside it in a class of its own, which sets ``_OPENID_ENDPOINT``."""

    __module__ = "waterspout.auth"

    _OPENID_ENDPOINT: ClassVar[str]

    def authenticate_redirect(
        self,
        callback_uri: str | None = None,
        ax_attrs: list[str] = ["name", "email", "language", "username"],  # noqa: B006  # Tornado's signature
    ) -> None:
        """Redirect the user to the provider; finishes the request.

        ``callback_uri`` is where the user comes back to, relative to this page or absolute; by default this page.
        ``ax_attrs`` are the attributes to ask for.
        """
        handler = cast("RequestHandler", self)
        callback = urljoin(handler.request.full_url(), callback_uri or handler.request.uri)
        pending = self._begin_pending(self._OPENID_ENDPOINT, callback)
        if pending is not None:
            callback = url_concat(callback, {"state": pending.state})
        query = {
            "openid.ns": _NAMESPACE,
            "openid.mode": "checkid_setup",
            "openid.claimed_id": _SELECT,
            "openid.identity": _SELECT,
            "openid.return_to": callback,
            "openid.realm": urljoin(callback, "/"),
        }
        wanted = {name: uri for attribute in ax_attrs for name, uri in _ATTRIBUTES.get(attribute, {}).items()}
        if wanted:
            query |= {"openid.ns.ax": _AX, "openid.ax.mode": "fetch_request", "openid.ax.required": ",".join(wanted)}
            query |= {f"openid.ax.type.{name}": uri for name, uri in wanted.items()}
        handler.redirect(url_concat(self._OPENID_ENDPOINT, query))

    async def get_authenticated_user(self, http_client: AsyncHTTPClient | None = None) -> dict[str, Any]:
        """The user who has come back, as the provider asserts: ``claimed_id``, ``name``, ``email``, ``locale``, ...

        The provider is asked whether the assertion is its own (11.4.2). Raises `AuthError` if it is not, or was
        meant for somebody else.
        """
        handler = cast("RequestHandler", self)
        assertion = {name: handler.get_argument(name, strip=False) for name in handler.request.arguments}
        pending = self._finish_pending(self._OPENID_ENDPOINT)
        is_strict = not self._is_tornado_compat()
        if is_strict:
            self._check_assertion(assertion, None if pending is None else pending.redirect_uri)
        form = {**assertion, "openid.mode": "check_authentication"}
        http = http_client or self.get_auth_http_client()
        response = await fetched(http, self._OPENID_ENDPOINT, method="POST", body=urlencode(form))
        # A whole line: another field's value may well end in these words.
        if b"is_valid:true" not in response.body.replace(b"\r\n", b"\n").split(b"\n"):
            raise AuthError("Invalid OpenID response: the provider does not confirm it")
        signed = frozenset(assertion.get("openid.signed", "").split(",")) if is_strict else None
        return _user_of(assertion, signed)

    def _check_assertion(self, assertion: dict[str, str], return_to: str | None) -> None:
        """OpenID Authentication 2.0, 11."""
        mode = assertion.get("openid.mode")
        if mode == "cancel":
            raise AuthError("the user did not agree")
        if mode != "id_res":
            raise CheckFailed("openid.mode", "the provider's answer is no positive assertion")
        endpoint = assertion.get("openid.op_endpoint", "")
        if without_query(endpoint) != without_query(self._OPENID_ENDPOINT):
            raise CheckFailed("openid.op_endpoint", "the assertion is another provider's")
        returned = without_query(assertion.get("openid.return_to", ""))
        if returned != without_query(return_to or cast("RequestHandler", self).request.full_url()):
            raise CheckFailed("openid.return_to", "the assertion was made for another address")
        # The signed address has this sign-in's state: else another's assertion would do with a state of one's own.
        query = dict(parse_qsl(urlsplit(assertion["openid.return_to"]).query, keep_blank_values=True))
        is_bound = return_to is None or "state" in query
        if not is_bound or any(assertion.get(name) != value for name, value in query.items()):
            raise CheckFailed("openid.return_to", "the assertion was made for another sign-in (11.1)")
        missing = _MUST_BE_SIGNED - {*assertion.get("openid.signed", "").split(",")}
        if missing:
            raise CheckFailed("openid.signed", f"the provider has not signed {', '.join(sorted(missing))}")


def _user_of(assertion: dict[str, str], signed: frozenset[str] | None) -> dict[str, Any]:
    """The attributes in an assertion; of those that are not in ``signed`` nobody knows whose they are."""
    alias = next((name[10:] for name, value in assertion.items() if name.startswith("openid.ns.") and value == _AX), "")

    def attribute(uri: str) -> str:
        prefix = f"openid.{alias}.type."
        for name, value in assertion.items():
            if alias and name.startswith(prefix) and value == uri:
                field = f"{alias}.value.{name[len(prefix) :]}"
                if signed is None or (field in signed and name[7:] in signed):
                    return assertion.get(f"openid.{field}", "")
        return ""

    names = _ATTRIBUTES["name"]
    first, last = attribute(names["firstname"]), attribute(names["lastname"])
    email = attribute(_ATTRIBUTES["email"]["email"])
    whole = attribute(names["fullname"]) or " ".join(part for part in (first, last) if part)
    found = {
        "email": email,
        "first_name": first,
        "last_name": last,
        "name": whole or email.partition("@")[0],
        "locale": attribute(_ATTRIBUTES["language"]["language"]).lower(),
        "username": attribute(_ATTRIBUTES["username"]["username"]),
        "claimed_id": assertion.get("openid.claimed_id", ""),
    }
    return {name: value for name, value in found.items() if value}
