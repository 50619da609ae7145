"""A record of a call that nobody made, from a handset's certificate to a collector's word and away again."""

import asyncio
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from contract.calls import CallDirection, DisconnectReason
from contract.downlink import AckMessage, DownTopic
from contract.messages import (
    CallDetailRecord,
    CdrMessage,
    ClockQuality,
    ErasureMessage,
    ErasureReason,
    RecordRange,
    Topic,
    timestamp,
    topic_name,
)
from fleet.check.broker import STEP_S, may_send
from fleet.check.report import Row, State
from fleet.collector.certificates import read_certificate
from fleet.collector.settings import Canary, CollectorSettings
from mqtt.connection import Connection, Terms
from mqtt.packets import Message
from mqtt.problems import BrokerError, MessageRefusedError
from mqtt.tls import Server
from provisioning.authority import common_name

_RECORD: Final = "canary record"
_RIGHTS: Final = "rights of handsets"
# All of its messages belong to one run that never was, so that what is taken back of it is one range.
_EPOCH: Final = 1
_NO_BOOT: Final = str(uuid.UUID(int=0))
# A collector that is just coming may not have subscribed yet.
_REPEAT_S: Final = 2.0
_TRIES: Final = 5
_WAIT_S: Final = _REPEAT_S * _TRIES


def check_canary(settings: CollectorSettings) -> Iterator[Row]:
    """Send a record, see it confirmed, and take it back."""
    canary = settings.canary
    if canary is None:
        why = "No [canary] in the settings names a handset's certificate for it: see docs/fleet.md."
        yield Row(_RECORD, State.NOT_TRIED, why)
        yield Row(_RIGHTS, State.NOT_TRIED, why)
        return
    device = common_name(read_certificate("canary", canary.certificate))
    if settings.devices is not None and device not in settings.devices.get(canary.fleet, ()):
        why = (
            f"No collector takes it: {device} is not in [devices] under {canary.fleet}. Add it, restart the collector."
        )
        yield Row(_RECORD, State.BAD, why)
        return
    if settings.fleets and canary.fleet not in settings.fleets:
        why = f"This collector takes nothing of {canary.fleet}. Add it to `fleets`, or name one of these in [canary]."
        yield Row(_RECORD, State.BAD, why)
        return
    yield from asyncio.run(_Flight(settings, canary, device).rows())


class _Flight:
    """One connection of the canary's."""

    def __init__(self, settings: CollectorSettings, canary: Canary, device: str) -> None:
        self._broker = settings.broker
        self._canary = canary
        self._device = device
        self._connection: Connection | None = None
        self._overheard = False
        self._collectors: dict[int, str] = {}
        self._confirmed = asyncio.Event()

    async def rows(self) -> list[Row]:
        broker, canary = self._broker, self._canary
        try:
            server = Server.read(broker.host, broker.port, 60, broker.ca, canary.certificate, canary.key)
            terms = Terms(answer_timeout_s=STEP_S)
            async with Connection(server, self._device, terms, received=self._receive) as self._connection:
                await self._connection.open(STEP_S)
                await self._connection.subscribe([self._topic(DownTopic.ACK)])
                wrongs = await self._wrongs(self._connection)
                return [await self._send_record(self._connection), self._judged(wrongs)]
        except MessageRefusedError:
            return [
                Row(
                    _RECORD, State.BAD,
                    f"{self._device} may not do what every handset may. Compare acl with the one that ships.",
                )
            ]  # fmt: skip
        except BrokerError as error:
            return [Row(_RECORD, State.BAD, str(error))]

    def _topic(self, topic: Topic | DownTopic) -> str:
        return topic_name(self._canary.fleet, self._device, topic)

    def _receive(self, message: Message) -> None:
        if message.qos and self._connection is not None:
            self._connection.confirm(message.number)
        if message.topic != self._topic(DownTopic.ACK):
            self._overheard = True
            return
        try:
            ack = AckMessage.read(message.payload)
        except ValueError:
            return
        for confirmed in ack.messages:
            if confirmed.epoch == _EPOCH:
                self._collectors[confirmed.last] = ack.collector
                self._confirmed.set()

    async def _wrongs(self, connection: Connection) -> list[str]:
        """Try what no handset may, where it does no harm should it be allowed."""
        # Mosquitto lets anybody subscribe, and hands over nothing that may not be read.
        with suppress(MessageRefusedError):
            await connection.subscribe([f"wecall/v1/{self._canary.fleet}/+/{Topic.STATUS}", self._topic(Topic.CDR)])
        tried = {
            "write as another handset": topic_name(self._canary.fleet, f"{self._device[:57]}-other", DownTopic.ACK),
            "write what operators write": self._topic(DownTopic.POLICY),
        }
        return [words for words, topic in tried.items() if await may_send(connection, topic)]

    def _judged(self, wrongs: list[str]) -> Row:
        # By now the broker has handed over its own record, were it to do so.
        wrongs = [*wrongs, *(["read what is not theirs"] if self._overheard else [])]
        if wrongs:
            return Row(_RIGHTS, State.BAD, f"Handsets may {', '.join(wrongs)}. Compare acl with the one that ships.")
        return Row(
            _RIGHTS, State.GOOD, "They may write their own records, and neither read nor write what is not theirs."
        )

    async def _send_record(self, connection: Connection) -> Row:
        now_s = time.time()
        # Two numbers a check, which rise as long as the clock does.
        seq = round(now_s) * 2
        record = CallDetailRecord(
            id=secrets.token_hex(16),
            device=self._device,
            account="0" * 32,
            direction=CallDirection.OUTGOING,
            number=None,
            started_at=timestamp(now_s),
            answered_at=None,
            ended_at=timestamp(now_s),
            result=DisconnectReason.LOCAL_HANGUP,
            sip_code=0,
            clock_quality=ClockQuality(synced=True, boot_id=_NO_BOOT),
            epoch=_EPOCH,
            seq=seq,
        )
        notice = ErasureMessage(
            device=self._device,
            reason=ErasureReason.DELETED,
            cancelled=False,
            records=(RecordRange(epoch=_EPOCH, first=1, last=seq),),
            epoch=_EPOCH,
            seq=seq + 1,
        )
        began_s = time.monotonic()
        confirmed = await self._is_confirmed(connection, Topic.CDR, CdrMessage(records=(record,)).written(), seq)
        took_s = time.monotonic() - began_s
        if not confirmed:
            # A collector that comes back later is not to keep it.
            await connection.send(self._topic(Topic.ERASURE), notice.written())
            return Row(
                _RECORD, State.BAD,
                f"No collector confirmed it within {_WAIT_S:.0f} s. See whether one runs (systemctl status "
                "wecall-collector), and whether its block in acl is there: records wait on the handsets.",
            )  # fmt: skip
        who = self._collectors[seq]
        if not await self._is_confirmed(connection, Topic.ERASURE, notice.written(), seq + 1):
            return Row(
                _RECORD, State.BAD,
                f"Collector {who} confirmed it, and none said within {_WAIT_S:.0f} s that it is deleted again. Look at "
                "the journals of the collectors.",
            )  # fmt: skip
        return Row(
            _RECORD, State.GOOD, f"Collector {who} had it on its disk after {took_s:.1f} s, and deleted it again."
        )

    async def _is_confirmed(self, connection: Connection, topic: Topic, payload: bytes, seq: int) -> bool:
        """Send until a collector says that it has it, as handsets do, though sooner than they."""
        for _ in range(_TRIES):
            await connection.send(self._topic(topic), payload)
            with suppress(TimeoutError):
                async with asyncio.timeout(_REPEAT_S):
                    while seq not in self._collectors:
                        await self._confirmed.wait()
                        self._confirmed.clear()
                return True
        return False
