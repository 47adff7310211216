"""Which addresses are this machine's own: asked without a proxy and without a key."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Whether a URL points to this machine."""
    return is_own(urlsplit(url).hostname or "")


def is_own(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
