"""paho's client, loaded without the resolver that it takes along where there is one.

It would look up SRV records by it, which nobody here asks for: 3 MB of dnspython.
"""

import sys
from typing import Final

__all__ = ["Client", "ConnectFlags", "DisconnectFlags", "MQTTMessage"]

_RESOLVER: Final = "dns.resolver"

# What stands as None among the modules is as if it were not installed.
sys.modules.setdefault(_RESOLVER, None)  # type: ignore[arg-type]
try:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
finally:
    if sys.modules.get(_RESOLVER) is None:
        sys.modules.pop(_RESOLVER, None)
