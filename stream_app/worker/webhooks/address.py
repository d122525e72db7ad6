"""Where a webhook may connect to: a name is resolved once, its addresses are looked at, and the connection goes to one of them.

What is looked at and what is connected to are therefore the same address: a name that changes its answer in between gains nothing.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64: Final = IPv6Network("64:ff9b::/96")
_NOT_OPEN: Final = tuple(IPv6Network(one) for one in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10"))
"""Beside what Python says: compatible and translated IPv4, a network's own NAT64 (RFC 8215), and the site-local of old (RFC 3879)."""


class PrivateAddressError(OSError):
    """A name leads to no public address."""


def is_public(text: str) -> bool:
    """Whether an IP address belongs to the open internet, and not to a network of ours, however it is written."""
    return all(_is_open(one) for one in _meant(ip_address(text.partition("%")[0])))


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    if address.version == 6 and any(address in network for network in _NOT_OPEN):
        return False
    return address.is_global and not address.is_multicast


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """An address, and the IPv4 addresses that it leads to when it is an IPv6 address that was made of them."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    tunnelled = [] if address.sixtofour is None else [address.sixtofour]
    return [address, *tunnelled, *(address.teredo or ())]


class CheckedResolver(AbstractResolver):
    """Resolves names, and gives public addresses alone unless private ones are allowed."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses that may be connected to.

        Raises:
            PrivateAddressError: there is none among those of the name.
            OSError: the name has none.
        """
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG)
        results: list[ResolveResult] = []
        for kind, _, protocol, _, (address, *_) in found:
            text = str(address)
            if self._allow_private or is_public(text):
                results.append(
                    {
                        "hostname": host,
                        "host": text,
                        "port": port,
                        "family": kind,
                        "proto": protocol,
                        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                    }
                )
        if not results:
            raise PrivateAddressError("no public address")
        return results

    async def close(self) -> None:
        """Nothing is open."""
