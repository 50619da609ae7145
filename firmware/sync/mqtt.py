"""paho's client, loaded without what it takes along and nobody here asks for.

That is dnspython, which would look up SRV records, 3 MB, and the standard library's client of HTTP, which would look
for a proxy, 2 MB.
"""

import sys
from types import ModuleType
from typing import Final

__all__ = ["Client", "ConnectFlags", "DisconnectFlags", "MQTTMessage"]

# What stands as None among the modules is as if it were not installed. Without PySocks there are no proxies, and then
# the client of HTTP has to be there but is not used.
_IN_PLACE_OF: Final = {"dns.resolver": None, "socks": None, "urllib.request": ModuleType("urllib.request")}

_placed = {name: module for name, module in _IN_PLACE_OF.items() if name not in sys.modules}
sys.modules.update(_placed)  # type: ignore[arg-type]
try:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
finally:
    for name in _placed:
        del sys.modules[name]
