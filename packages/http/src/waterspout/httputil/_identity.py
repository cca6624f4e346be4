"""Who a client is by its TLS certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ClientIdentity"]


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What a client's certificate, verified against the server's authorities, says (RFC 5280).

    `dns_names`, `uris` (SPIFFE IDs are such) and `emails` are the subject's alternative names, `common_name` the last
    of its subject, `subject` and `issuer` all of theirs as ``CN=a,O=b``. `serial_number` is in hexadecimal, `not_after`
    as in ``ssl.cert_time_to_seconds``, `fingerprint` the SHA-256 of the certificate in hexadecimal.
    """

    common_name: str | None
    dns_names: tuple[str, ...]
    uris: tuple[str, ...]
    emails: tuple[str, ...]
    subject: str
    issuer: str
    serial_number: str
    not_after: str
    fingerprint: str

    @classmethod
    def of(cls, certificate: dict[str, Any], der: bytes) -> ClientIdentity:
        """From what ``getpeercert`` gives, in both forms."""
        import hashlib  # brings OpenSSL, which only those have loaded who come here

        names = certificate.get("subjectAltName", ())
        subject = certificate.get("subject", ())
        common = [value for part in subject for key, value in part if key == "commonName"]

        def those(wanted: str) -> tuple[str, ...]:
            return tuple(value for kind, value in names if kind == wanted)

        return cls(
            common_name=common[-1] if common else None,
            dns_names=those("DNS"),
            uris=those("URI"),
            emails=those("email"),
            subject=_name(subject),
            issuer=_name(certificate.get("issuer", ())),
            serial_number=certificate.get("serialNumber", ""),
            not_after=certificate.get("notAfter", ""),
            fingerprint=hashlib.sha256(der).hexdigest(),
        )


ClientIdentity.__module__ = "waterspout.httputil"

_SHORT = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
          "localityName": "L", "stateOrProvinceName": "ST"}  # fmt: skip


def _name(parts: Any) -> str:
    """A distinguished name as one string (RFC 4514, in the certificate's order): for logs and comparison."""
    return ",".join(f"{_SHORT.get(key, key)}={_escaped(value)}" for part in parts for key, value in part)


def _escaped(value: str) -> str:
    return "".join("\\" + c if c in ',+"\\<>;=' else c for c in value)
