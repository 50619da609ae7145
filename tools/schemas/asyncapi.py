"""The AsyncAPI 3.0 document: which channels there are, who may use them and how."""

from typing import Any, Final

from contract.downlink import MOST_BYTES, DownTopic
from contract.messages import StatusMessage
from tools.schemas.json_schema import meaning_of
from tools.schemas.messages import KINDS, PARAMETERS, Kind, Way

_BINDING: Final = "0.2.0"
_JSON: Final = "application/json"
_BYTES: Final = "application/octet-stream"
_FORMAT: Final = "application/schema+json;version=draft-2020-12"

_DESCRIPTION: Final = """What handsets, collectors, operators and dashboards say to each other over MQTT 5.

A handset is a client whose client id, common name and level of its topics are one and the same; the broker's access
list lets it write and read below that and nowhere else (`fleet/broker/`). All that it sends is here: the models that
these schemas are made from are closed. What a schema cannot say, such as that times are in their order, the models in
`contract/messages.py` check as well.

Operations are told from the handset's side.
"""

_ACTIONS: Final = {Way.FROM_HANDSET: "send", Way.TO_HANDSET: "receive", Way.AMONG_OPERATORS: "send"}


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "WeCall handsets at their broker",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "GPL-3.0-or-later"},
        },
        "defaultContentType": _JSON,
        "servers": _servers(),
        "channels": {kind.name: _channel(kind) for kind in KINDS},
        "operations": {_operation_name(kind): _operation(kind) for kind in KINDS},
        "components": {
            "messages": {kind.name: _message(kind) for kind in KINDS},
            "parameters": {name: {"description": text} for name, text in PARAMETERS.items()},
            "securitySchemes": _security_schemes(),
        },
    }


def _servers() -> dict[str, Any]:
    will = {"topic": "wecall/v1/{fleet}/{device}/status", "qos": 1, "retain": True}
    return {
        "certificates": {
            "host": "broker.example.com:8883",
            "protocol": "secure-mqtt",
            "protocolVersion": "5",
            "description": "For handsets, collectors and operators.",
            "security": [{"$ref": "#/components/securitySchemes/certificate"}],
            "bindings": {
                "mqtt": {
                    "clientId": "the device id",
                    "cleanSession": True,
                    "lastWill": {**will, "message": StatusMessage(state="offline").written().decode()},
                    "bindingVersion": _BINDING,
                }
            },
        },
        "passwords": {
            "host": "broker.example.com:8884",
            "protocol": "secure-mqtt",
            "protocolVersion": "5",
            "description": "For tools with dashboards, such as Home Assistant. They may only read.",
            "security": [{"$ref": "#/components/securitySchemes/password"}],
        },
    }


def _security_schemes() -> dict[str, Any]:
    return {
        "certificate": {
            "type": "X509",
            "description": "Mutual TLS. The certificate's common name is the device id; with a dot in it, "
            "such as collector.main, it is a service.",
        },
        "password": {"type": "userPassword", "description": "Users named dashboard.*, over TLS."},
    }


def _channel(kind: Kind) -> dict[str, Any]:
    servers = ["certificates"] if kind.way is Way.TO_HANDSET else ["certificates", "passwords"]
    names = [name for name in PARAMETERS if f"{{{name}}}" in kind.address]
    return {
        "address": kind.address,
        "description": _said_of(kind),
        "servers": [{"$ref": f"#/servers/{name}"} for name in servers],
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names},
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"}},
    }


def _operation_name(kind: Kind) -> str:
    return f"{_ACTIONS[kind.way]}{kind.name.capitalize()}"


def _operation(kind: Kind) -> dict[str, Any]:
    about = {Way.AMONG_OPERATORS: "Handsets have no part in it."}.get(kind.way)
    return {
        "action": _ACTIONS[kind.way],
        "channel": {"$ref": f"#/channels/{kind.name}"},
        **({"description": about} if about else {}),
        "messages": [{"$ref": f"#/channels/{kind.name}/messages/{kind.name}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": kind.retained, "bindingVersion": _BINDING}},
    }


def _message(kind: Kind) -> dict[str, Any]:
    message: dict[str, Any] = {"name": kind.name, "summary": _summary(kind)}
    if kind.model is None or kind.example is None:
        most_bytes = MOST_BYTES[DownTopic(kind.name)]
        return {
            **message,
            "contentType": _BYTES,
            "description": f"{kind.text} {most_bytes} bytes at most.",
            "payload": {"type": "string", "format": "binary", "maxLength": most_bytes},
        }
    return {
        **message,
        "contentType": _JSON,
        "payload": {"schemaFormat": _FORMAT, "schema": {"$ref": f"./{kind.name}.schema.json"}},
        "examples": [{"payload": kind.example.plain()}],
    }


def _summary(kind: Kind) -> str:
    return meaning_of(kind.model) if kind.model is not None else f"A signed {kind.name} of the operator's."


def _said_of(kind: Kind) -> str:
    kept = "Retained, QoS 1." if kind.retained else "QoS 1."
    return " ".join(part for part in (_summary(kind), kind.text, kept) if part)
