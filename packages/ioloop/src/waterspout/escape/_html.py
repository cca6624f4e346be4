"""Text in HTML and XML."""

from waterspout.escape._text import to_unicode


def xhtml_escape(value: str | bytes) -> str:
    """`value` as it must stand in HTML or XML: ``&``, ``<``, ``>``, ``"`` and ``'`` are escaped.

    In attributes, put the result in quotes. Bytes must be UTF-8.
    """
    # html.escape does the same, but its module brings a table of 2,231 entities with it.
    text = to_unicode(value)
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    if '"' in text:
        text = text.replace('"', "&quot;")
    if "'" in text:
        text = text.replace("'", "&#x27;")
    return text


def xhtml_unescape(value: str | bytes) -> str:
    """`value` with its character references (named and numeric, as HTML 5 has them) resolved."""
    # The table of entities; few programs decode HTML.
    import html

    return html.unescape(to_unicode(value))
