"""``application/x-www-form-urlencoded`` bodies and queries (WHATWG URL, 5.1)."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._limits import ParseUrlEncodedConfig, default_parse_body_config

__all__ = ["parse_urlencoded"]


def parse_urlencoded(data: bytes | str, *, config: ParseUrlEncodedConfig | None = None) -> dict[str, list[bytes]]:
    """Name to values of all fields, percent-decoded; blank values are kept, only ``&`` separates fields.

    Names become text as Latin-1, the bytes of values are left as they are: what they mean is up to who reads them.
    A ``%`` that two hexadecimal digits do not follow stands for itself. Raises `HTTPInputError` before anything is
    taken apart if there are more fields than *config* (default: the process's) allows. Text, as the body of a request
    that a test builds may be, counts as its UTF-8.
    """
    if isinstance(data, str):
        data = data.encode()
    limit = (config or default_parse_body_config().urlencoded).max_arguments
    fields = data.count(b"&") + 1
    if fields > limit:
        raise HTTPInputError(f"Max number of fields exceeded: urlencoded data has {fields}, the limit is {limit}")
    arguments: dict[str, list[bytes]] = {}
    plain = b"%" not in data
    for field in data.replace(b"+", b" ").split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            if not plain:
                name, value = unquote_to_bytes(name), unquote_to_bytes(value)
            arguments.setdefault(name.decode("latin-1"), []).append(value)
    return arguments
