"""Errors as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waterspout.httputil import choose_by_quality, responses
from waterspout.web._errors import HTTPError

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["CONTENT_TYPE", "Problem", "problem_document", "write_problem"]

CONTENT_TYPE = "application/problem+json"
_HTML = "text/html"
_FORMS = (CONTENT_TYPE, "application/json", _HTML)


class Problem(HTTPError):
    """An `HTTPError` that tells the client what is wrong: its answer is a problem document.

    *detail* is for people, *type* a URI that names the kind of problem, *members* are further entries of the document.
    All of it is public; *log_message* still is for the log alone.
    """

    __module__ = "waterspout.web"

    document: dict[str, Any] | None

    def __init__(
        self,
        status_code: int,
        detail: str | None = None,
        *,
        title: str | None = None,
        type: str | None = None,
        log_message: str | None = None,
        **members: Any,
    ) -> None:
        super().__init__(status_code, log_message)
        self.document = problem_document(status_code, title, detail, type, members)


def problem_document(
    status: int, title: str | None = None, detail: str | None = None, type: str | None = None, members: Any = ()
) -> dict[str, Any]:
    """The document; *title* defaults to the status's phrase, which is what it means without a *type* (4.2.1)."""
    document: dict[str, Any] = {**dict(members)}
    if type is not None:
        document["type"] = type
    document["title"] = title or responses.get(status, "Unknown")
    document["status"] = status
    if detail is not None:
        document["detail"] = detail
    return document


def write_problem(handler: RequestHandler, raised: BaseException | None) -> bool:
    """Write the document of what was *raised*, or one for the status; False for clients that rather have a page.

    What a `Problem` says goes to everybody.
    """
    document = raised.document if isinstance(raised, HTTPError) else None
    if document is None:
        accept = handler.request.headers.get("Accept")
        if accept and choose_by_quality(accept, _FORMS, wildcard="*/*") == _HTML:
            return False
        document = problem_document(handler.get_status(), handler._own_reason)
    handler.write(document)
    handler.set_header("Content-Type", CONTENT_TYPE)
    return True
