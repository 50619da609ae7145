"""The account as pjsua2 knows it: configuration, REGISTER, OPTIONS, and where incoming calls come in."""

import contextlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pjsua2

from firmware.voice.sip.identity import received
from firmware.voice.sip.mapping import registration_failure
from firmware.voice.sip.nat import NatServers
from firmware.voice.sip.native import guarded
from firmware.voice.sip.settings import AccountSettings, SipSettings
from firmware.voice.sip.transports import mark
from provisioning.sip_choices import ReliableProvisional, Srtp, Transport

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine
    from firmware.voice.sip.registration import Registration

_log = logging.getLogger(__name__)

_BUSY: Final = 171001  # PJSIP_EBUSY in pjsip/sip_errno.h: a REGISTER is under way already
_SESSION_EXPIRES_S: Final = 300  # a peer that vanished without a BYE is noticed within half of it (RFC 4028)
_LAST_PORT: Final = 65534
_ANONYMOUS: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'  # RFC 3323 section 4.1.1.3
_RETRY_AFTER = re.compile(r"^Retry-After\s*:\s*(\d{1,6})", re.IGNORECASE | re.MULTILINE)

_SRTP = {
    Srtp.OFF: pjsua2.PJMEDIA_SRTP_DISABLED,
    Srtp.PREFERRED: pjsua2.PJMEDIA_SRTP_OPTIONAL,
    Srtp.MANDATORY: pjsua2.PJMEDIA_SRTP_MANDATORY,
    Srtp.DTLS: pjsua2.PJMEDIA_SRTP_MANDATORY,
}
# The library offers the first of them, and takes each.
_DTLS_FIRST: Final = (pjsua2.PJMEDIA_SRTP_KEYING_DTLS_SRTP, pjsua2.PJMEDIA_SRTP_KEYING_SDES)

_PRACK = {
    ReliableProvisional.SUPPORTED: pjsua2.PJSUA_100REL_OPTIONAL,
    ReliableProvisional.REQUIRED: pjsua2.PJSUA_100REL_MANDATORY,
}


class SipAccount(pjsua2.Account):  # type: ignore[misc]  # pjsua2 has no types
    """pjsua2's account, translated: what happens to it is told to a Registration."""

    def __init__(self, engine: "Engine", settings: AccountSettings) -> None:
        super().__init__()
        self._engine = engine
        self.settings = settings
        self.registration: Registration | None = None
        self._configuration: Any = None
        self._nameless: Any = None
        self._outcomes = 0

    @property
    def address_of_record(self) -> str:
        """Who this account is, as a header's value."""
        return _address_of_record(self.settings)

    def without_name(self) -> Any:
        """Return an account of the same server whose calls do not say in From and Contact who makes them (RFC 3323).

        Raises:
            pjsua2.Error: the library does not take it.
        """
        document = pjsua2.JsonDocument()
        document.writeObject(self._configuration)
        copy = pjsua2.JsonDocument()
        copy.loadString(document.saveString())
        configuration = pjsua2.AccountConfig()
        copy.readObject(configuration)
        configuration.idUri = _ANONYMOUS
        configuration.regConfig.registrarUri = ""
        configuration.mwiConfig.enabled = False
        if self._nameless is None:
            nameless = pjsua2.Account()
            nameless.create(configuration, False)
            self._nameless = nameless
        else:
            self._nameless.modify(configuration)
        return self._nameless

    def register(self) -> None:
        """Send REGISTER, or ask a device without a registrar whether it is there.

        The outcome arrives at the Registration, that of a failure to send too.
        """
        if self.settings.registers:
            self._send_register(lambda: self.setRegistration(True))
        else:
            self.probe()

    def unregister(self) -> None:
        """Take our binding back."""
        with contextlib.suppress(pjsua2.Error):
            self.setRegistration(False)

    def open(self, configuration: Any, *, is_default: bool) -> None:
        """Make the library know it.

        Raises:
            pjsua2.Error: the library does not take it.
        """
        self.create(configuration, is_default)
        self._configuration = configuration

    def adopt(self, configuration: Any) -> None:
        """Use other settings at the same server from now on."""
        try:
            self.modify(configuration)
        except pjsua2.Error as error:
            # The library has taken them; only the REGISTER that some of them ask for is under way already.
            if error.status != _BUSY:
                _log.warning("An account's settings could not be changed: %s.", error.reason)

    def move(self, configuration: Any) -> None:
        """Leave the server for another and register there.

        The outcome arrives at the Registration, that of a failure to send too.
        """
        leaving, self._configuration = self._configuration, configuration
        registration, self.registration = self.registration, None
        # Without a registrar the library says goodbye where we are registered, over the way that still stands, and
        # drops the registration with all that it waits for.
        leaving.regConfig.registrarUri = ""
        with contextlib.suppress(pjsua2.Error):
            self.modify(leaving)
        self.registration = registration
        self._send_register(lambda: self.modify(configuration))
        if not self.settings.registers:
            self.probe()

    def probe(self) -> None:
        """Ask the server whether it is there (RFC 3261 section 11)."""
        request = pjsua2.SendRequestParam()
        request.method = "OPTIONS"
        request.txOption.targetUri = f"sip:{self.settings.domain}"
        try:
            self.sendRequest(request)
        except pjsua2.Error:
            if self.registration is not None:
                self.registration.probe_ended(answered=False)

    def send_text(self, target: str, text: str) -> Any:
        """Send MESSAGE (RFC 3428) and return what names it; it must be kept until the answer has come.

        Raises:
            pjsua2.Error: it could not be sent.
        """
        # Of the library's ways to send a request only this one answers a challenge; it sends the text and may go then.
        configuration = pjsua2.BuddyConfig()
        configuration.uri = target
        receiver = pjsua2.Buddy()
        receiver.create(self, configuration)
        # The library hands this object's address back with the answer.
        token = pjsua2.SipHeader()
        message = pjsua2.SendInstantMessageParam()
        message.contentType = "text/plain;charset=UTF-8"
        message.content = text
        message.userData = token
        receiver.sendInstantMessage(message)
        return token

    def _send_register(self, send: Callable[[], None]) -> None:
        outcomes = self._outcomes
        try:
            send()
        except pjsua2.Error as error:
            # Some failures are told by the callback already, some only so.
            told = self._outcomes != outcomes
            if error.status != _BUSY and not told and self.registration is not None:
                self.registration.failed(registration_failure(0, from_server=False, pj_status=error.status))

    @guarded
    def onRegState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Hear how a REGISTER ended."""
        self._outcomes += 1
        registration = self.registration
        if registration is None:
            return
        code = int(parameters.code)
        if code // 100 == 2:  # noqa: PLR2004 - RFC 3261 section 21.2
            # The 200 to a REGISTER that took our binding back grants no time.
            if parameters.expiration > 0 and self.getInfo().regIsActive:
                registration.succeeded()
            else:
                registration.unregistered()
            return
        message = str(parameters.rdata.wholeMsg)
        from_server = bool(message)
        failure = registration_failure(
            code,
            from_server=from_server,
            pj_status=0 if from_server else self._engine.error_behind(str(parameters.reason)),
        )
        asked_to_wait = _RETRY_AFTER.search(message)
        registration.failed(failure, code if from_server else 0, int(asked_to_wait.group(1)) if asked_to_wait else 0)

    @guarded
    def onSendRequest(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Hear what became of a probe."""
        if self.registration is not None:
            answered = parameters.e.body.tsxState.type == pjsua2.PJSIP_EVENT_RX_MSG
            if answered and not self.settings.registers:
                self.registration.succeeded()
            self.registration.probe_ended(answered=answered)

    @guarded
    def onInstantMessageStatus(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Hear what became of a text."""
        self._engine.texts.answered(int(parameters.userData), int(parameters.code))

    @guarded
    def onIncomingCall(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Pass a new call on; no final reply may be sent from in here (an INVITE without SDP would abort pjsip)."""
        self._engine.calls.incoming.take(self, int(parameters.callId), received(parameters.rdata))

    @guarded
    def onInstantMessage(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Pass a text on; the library has answered it already."""
        self._engine.texts.take(received(parameters.rdata), str(parameters.msgBody))

    @guarded
    def onMwiInfo(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Pass on what the voicemail system says."""
        self._engine.voicemail_told(self, received(parameters.rdata))


@dataclass(frozen=True, slots=True)
class Path:
    """The way to a server.

    Attributes:
        route: a URI that says where to send.
        transport_id: pjsua's number of the transport to send over.
        is_ipv6: it is reached by IPv6.
    """

    route: str
    transport_id: int
    is_ipv6: bool


def account_configuration(settings: SipSettings, account: AccountSettings, path: Path, nat: NatServers) -> Any:
    """Put an account's settings into pjsua2's words."""
    configuration = pjsua2.AccountConfig()
    configuration.idUri = _address_of_record(account)
    registering = configuration.regConfig
    registering.registrarUri = f"sip:{account.domain}" if account.registers else ""
    registering.timeoutSec = account.register_expires_s
    registering.registerOnAdd = False
    # 0 turns pjsua's own fixed-interval retries off: ours back off with jitter.
    registering.retryIntervalSec = 0
    registering.firstRetryIntervalSec = 0

    signalling = configuration.sipConfig
    if account.registers:
        signalling.authCreds.append(
            pjsua2.AuthCredInfo("digest", "*", account.auth_username or account.username, 0, account.password)
        )
    signalling.proxies.append(path.route)
    signalling.transportId = path.transport_id

    media = configuration.mediaConfig
    media.transportConfig.port = settings.rtp_port
    media.transportConfig.portRange = min(settings.rtp_ports, _LAST_PORT - settings.rtp_port)
    media.transportConfig.randomizePort = True
    mark(media.transportConfig, settings.dscp_audio)
    # The other end's offer decides. Ours is of the family by which its server is reached, which is all that the server
    # is known to have; Asterisk refuses the other one.
    media.ipv6Use = pjsua2.PJSUA_IPV6_ENABLED_PREFER_IPV6 if path.is_ipv6 else pjsua2.PJSUA_IPV6_ENABLED_PREFER_IPV4
    media.srtpUse = _SRTP[account.srtp]
    if account.srtp is Srtp.DTLS:
        for keying in _DTLS_FIRST:
            media.srtpOpt.keyings.append(keying)
        # The UPDATE that settles on one of several codecs in an answer comes while the keys are agreed on, and Asterisk
        # sends nothing from then on.
        media.lockCodecEnabled = False
    # Keys in the clear protect from nobody on the path, but a peer that insists on SRTP can still be talked to.
    media.srtpSecureSignaling = 1 if account.transport is Transport.TLS else 0
    configuration.callConfig.timerUse = pjsua2.PJSUA_SIP_TIMER_ALWAYS
    configuration.callConfig.timerSessExpiresSec = _SESSION_EXPIRES_S
    configuration.callConfig.prackUse = _PRACK[account.reliable_provisional]
    configuration.mwiConfig.enabled = account.watch_voicemail
    # Probes keep the NAT's door open where they are more frequent (RFC 5626 section 3.5.1).
    configuration.natConfig.udpKaIntervalSec = settings.keep_alive_s if settings.probe_s > settings.keep_alive_s else 0
    if settings.instance_id:
        configuration.natConfig.sipOutboundInstanceId = f"<{settings.instance_id}>"
    nat.configure(configuration)
    return configuration


def _address_of_record(account: AccountSettings) -> str:
    uri = f"<sip:{account.username}@{account.domain}>"
    if not account.display_name:
        return uri
    quoted = account.display_name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{quoted}" {uri}'
