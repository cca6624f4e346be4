"""The PROXY protocol, versions 1 and 2: what a load balancer says of its client before the client's own bytes.

Pure: bytes in, `ProxyHeader` out. The reference is HAProxy's "The PROXY protocol", sections 2.1 and 2.2.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import ip_address

__all__ = ["ProxyHeader", "ProxyProtocolError", "parse_v1", "parse_v2", "v2_size"]

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
#: Both versions' shortest header is no shorter than this, so that many bytes can be read without reading too far.
SHORTEST = 15
#: "the maximum line length the receiver must support" (2.1): 107 bytes with CRLF.
V1_LONGEST = 107
#: Bytes of a version 2 header; real ones with certificates' names stay far below.
V2_LONGEST = 4096

_LOCAL, _PROXY = 0x20, 0x21
#: Family and transport to the size of the addresses: unspecified, TCP over IPv4, over IPv6, UNIX stream.
_ADDRESS_SIZES = {0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}
_TLV_AUTHORITY, _TLV_CRC32C, _TLV_SSL = 0x02, 0x03, 0x20

_match_v1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: [\x20-\x7e]*)?|(TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) "
    rb"(0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4}))\r\n\Z"
).match


class ProxyProtocolError(ValueError):
    """What came is no PROXY header, or one that is not understood."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """*source* and *destination* as ``(address, port)``; None where the balancer speaks for itself (LOCAL, UNKNOWN).

    *tls* says whether the client reached the balancer by TLS, and *authority* by which name, where it was told.
    """

    source: tuple[str, int] | None = None
    destination: tuple[str, int] | None = None
    tls: bool | None = None
    authority: str | None = None


def parse_v1(line: bytes) -> ProxyHeader:
    """The header of version 1 in *line*, CRLF included. Raises `ProxyProtocolError`."""
    match = _match_v1(line)
    if match is None or len(line) > V1_LONGEST:
        raise ProxyProtocolError(f"no PROXY line: {line[:40]!r}")
    if match[1] is None:
        return ProxyHeader()
    version = 4 if match[1] == b"TCP4" else 6
    return ProxyHeader(_endpoint(match[2], match[4], version), _endpoint(match[3], match[5], version))


def _endpoint(text: bytes, port: bytes, version: int) -> tuple[str, int]:
    try:
        address = ip_address(text.decode("ascii"))
    except ValueError as error:
        raise ProxyProtocolError(f"PROXY line with a malformed address: {text[:50]!r}") from error
    if address.version != version or int(port) > 65535:
        raise ProxyProtocolError(f"PROXY line with an impossible address: {text!r} port {port!r}")
    return str(address), int(port)


def v2_size(start: bytes) -> int:
    """The size of the whole version 2 header that begins with the 16 bytes *start*. Raises `ProxyProtocolError`."""
    command, family, length = start[12], start[13], int.from_bytes(start[14:16], "big")
    if start[:12] != SIGNATURE or command not in (_LOCAL, _PROXY):
        raise ProxyProtocolError(f"no PROXY header of version 2: it begins with {start!r}")
    if length + 16 > V2_LONGEST:
        raise ProxyProtocolError(f"PROXY header of {length + 16} bytes: more than {V2_LONGEST}")
    if command == _PROXY and (family not in _ADDRESS_SIZES or length < _ADDRESS_SIZES[family]):
        raise ProxyProtocolError(f"PROXY header for family {family:#04x} with {length} bytes")
    return length + 16


def parse_v2(data: bytes) -> ProxyHeader:
    """The version 2 header that *data* is, as `v2_size` has measured it. Raises `ProxyProtocolError`."""
    if data[12] == _LOCAL:
        return ProxyHeader()
    family = data[13]
    end = 16 + _ADDRESS_SIZES[family]
    values = _values(data, end)
    source = destination = None
    if family == 0x11:
        ours, theirs, port, to = struct.unpack("!4s4sHH", data[16:end])
        source, destination = (str(ip_address(ours)), port), (str(ip_address(theirs)), to)
    elif family == 0x21:
        ours, theirs, port, to = struct.unpack("!16s16sHH", data[16:end])
        source, destination = (str(ip_address(ours)), port), (str(ip_address(theirs)), to)
    tls = values.get(_TLV_SSL)
    authority = values.get(_TLV_AUTHORITY)
    return ProxyHeader(
        source,
        destination,
        None if not tls else bool(tls[0] & 1),
        None if authority is None else authority.decode("utf-8", "replace"),
    )


def _values(data: bytes, at: int) -> dict[int, bytes]:
    """The type-length-value vectors behind the addresses, checked to their end; the checksum is verified (2.2.3)."""
    values: dict[int, bytes] = {}
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 3], "big")
        value = data[at + 3 : at + 3 + size]
        if at + 3 > len(data) or len(value) != size:
            raise ProxyProtocolError("PROXY header whose last vector is cut short")
        if data[at] == _TLV_CRC32C:
            blank = data[: at + 3] + bytes(size) + data[at + 3 + size :]
            if size != 4 or crc32c(blank) != int.from_bytes(value, "big"):
                raise ProxyProtocolError("PROXY header with a wrong checksum")
        values.setdefault(data[at], value)
        at += 3 + size
    return values


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720, appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
