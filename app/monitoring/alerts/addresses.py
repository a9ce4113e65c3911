"""Addresses: a webhook must not become a way into the network that the server stands in.

The name is resolved once, every address it has is looked at, and the one that was looked at is the one connected to: a
name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import socket
import ssl
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from app.core.errors import OutsideFailed

_NAT64: Final = IPv6Network("64:ff9b::/96")


class DeliveryFailed(OutsideFailed, code="delivery_failed"):
    """A receiver can't be reached or refuses; the line holds no part of an address but its host."""


def reason(error: Exception) -> str:
    """Name what went wrong without the library's words, which may hold the address."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted ({error.verify_message}); SSL_CERT_FILE names the authorities that are"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the connection was cut"


def resolve(host: str, port: int, *, inner: bool) -> str:
    """Return an address of the host that may be connected to; `inner` allows those of inner networks.

    Errors: `DeliveryFailed` for a name that isn't known, and when any of its addresses is an inner one.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DeliveryFailed(f"{host} isn't known by name") from None
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    if not inner and (wrong := next((one for one in addresses if is_inner(one)), None)):
        raise DeliveryFailed(f"{host} is {wrong}, an address of an inner network; NEXTCLOSE_ALERT_INNER=on allows it")
    return addresses[0]


def is_inner(address: str) -> bool:
    """Say whether an address is not one of the open internet: loopback, private, link-local, metadata, multicast."""
    ip = _plain(ip_address(address))
    return not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified


def _plain(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that one of IPv6 stands for, where it does."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
