"""Lists with weights: Accept, Accept-Encoding, Accept-Language (RFC 9110, 12.4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["choose_by_quality", "parse_quality_list"]

#: Elements that are read from one header; browsers send up to twenty.
MAX_ELEMENTS: Final = 100

_WEIGHT: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def parse_quality_list(header: str, *, max_elements: int = MAX_ELEMENTS) -> list[tuple[str, float]]:
    """``(value, q)`` of each element in lower case, the most wanted first, equal ones in their order.

    Parameters other than ``q`` stay part of the value. Elements with ``q=0`` are in the list: they say what must
    not be used. An element with a malformed weight is left out, and so are all after the first *max_elements*.
    """
    elements = []
    for element in header.split(",", max_elements)[:max_elements]:
        value, quality = element.strip(" \t").lower(), 1.0
        if ";" in value:
            value, _, last = value.rpartition(";")
            name, _, weight = last.strip(" \t").partition("=")
            if name.rstrip(" \t") == "q":
                weight = weight.strip(" \t")
                if _WEIGHT.fullmatch(weight) is None:
                    continue
                quality = float(weight)
            else:
                value = f"{value};{last}"
            value = value.strip(" \t")
        if value:
            elements.append((value, quality))
    elements.sort(key=lambda element: -element[1])
    return elements


def choose_by_quality(header: str, offers: Iterable[str], *, wildcard: str = "*") -> str | None:
    """The one of *offers* (lower case, best first) that *header* wants most; None if it accepts none of them.

    An offer that is not named has the weight of *wildcard*, if that is in the header. What has weight 0 is never
    chosen. Between equal weights the earlier offer wins.
    """
    # Of a repeated element the lowest weight counts: what is refused once is refused.
    weights = dict(parse_quality_list(header))
    best, best_quality = None, 0.0
    for offer in offers:
        quality = weights.get(offer, weights.get(wildcard, 0.0))
        if quality > best_quality:
            best, best_quality = offer, quality
    return best
