"""How much of what is scarce one address may hold: places in a queue, and bytes, follow one rule.

Nobody holds more than is still free: one who asks for everything gets half of it, the next still a quarter.
"""

import ipaddress
import threading
from collections import Counter
from functools import lru_cache
from typing import Any


def address_of(request: Any) -> str:
    """Where a request comes from; of IPv6 the network, as one connection has a whole one."""
    client = getattr(request, "client", None)
    return _network(client.host if client is not None else "")


@lru_cache(4096)  # asked of all that wait whenever somebody comes
def _network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))


def fits(held: Counter[str], who: str, amount: int, total: int) -> bool:
    """Whether someone may hold so much more of a total."""
    return held[who] + amount <= total - held.total() - amount


class Shares:
    """Bytes that are held at the same time, by who holds them."""

    def __init__(self, total: int) -> None:
        self._total, self._held, self._lock = total, Counter[str](), threading.Lock()

    def take(self, who: str, amount: int) -> bool:
        """Hold so much more; False, and nothing is taken, where that would be more than is left free."""
        with self._lock:
            allowed = fits(self._held, who, amount, self._total)
            if allowed:
                self._held[who] += amount
            return allowed

    def give(self, who: str, amount: int) -> None:
        """Hold so much less."""
        with self._lock:
            self._held[who] -= amount
            if not self._held[who]:
                del self._held[who]
