"""The MQTT broker, where there is one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from provisioning.addresses import Host, Port
from provisioning.section import ConfigurationTable, Region, conflict


class Completion(StrEnum):
    """Whose word it takes that a call record or an erasure notice arrived: the broker's, or a collector's behind it."""

    PUBACK = "puback"
    ACK = "ack"


class Sync(ConfigurationTable):
    """The MQTT broker; nothing is sent to it without consent.

    Attributes:
        host: the broker.
        port: where it takes MQTT over TLS.
        ca: PEM file with the authorities that sign the broker's certificate.
        certificate: PEM file; its common name is the device id.
        key: PEM file with the certificate's key; left out where the handset made its key itself.
        batch_records: how many call records go in one message, at most.
        retry_base_s, retry_cap_s: bounds of the back-off between tries to connect.
        keep_alive_s: seconds after which a connection that says nothing is asked whether it lives. The broker takes a
            handset for offline after one and a half of it.
        region: where the broker and what is behind it stands; the device's region where left out. Numbers leave for
            another region only with the holder's consent to that, and as pseudonyms without it.
        complete: "ack" keeps call records and erasure notices until a collector confirms them on the topic `ack`.
        discovery: tells Home Assistant which topics this handset has and how to read them, at
            `homeassistant/device/<device>/config`; false takes that back.
    """

    host: Annotated[Host, Field(examples=["broker.example.com"])]
    port: Port = 8883
    ca: Annotated[Path, Field(examples=["certificates/broker-ca.pem"])] | None = None
    certificate: Annotated[Path, Field(examples=["certificates/broker.pem"])] | None = None
    key: Annotated[Path, Field(examples=["/etc/wecall/handset-1.key"])] | None = None
    batch_records: Annotated[int, Field(ge=1, le=100)] = 100
    retry_base_s: Annotated[float, Field(ge=0.1, le=60)] = 1
    retry_cap_s: Annotated[float, Field(ge=1, le=3600)] = 120
    keep_alive_s: Annotated[int, Field(ge=5, le=1200)] = 120
    region: Region | None = None
    complete: Completion = Completion.PUBACK
    discovery: bool = True

    @model_validator(mode="after")
    def _a_key_has_its_certificate(self) -> Self:
        if self.key is not None and self.certificate is None:
            conflict(
                "needs certificate: give both, or certificate alone where the handset made the key",
                ("key",), ("certificate",),
            )  # fmt: skip
        return self
