"""Asks an OpenID provider who somebody is: the authorization code flow with PKCE (OpenID Connect Core 1.0 section 3.1).

Nothing is kept here from the beginning of a log-in to its end: the browser's tab has the one secret of it, the
verifier, and all else that a provider gives back (state, nonce) is the challenge, the verifier's SHA-256.
"""

import base64
import hashlib
import hmac
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from http.client import HTTPException, HTTPSConnection
from threading import Lock, Timer
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt
import msgspec

from fleet.api.settings import OPEN_ID_PREFIX, OpenIdSettings, is_open_id_name
from fleet.errors import FleetError
from fleet.files import read_secret

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_STEP_S: Final = 5.0
_MOST_S: Final = 10.0
"""For how long a provider may take to answer one question, however it spreads that out."""
_MOST_BYTES: Final = 1 << 18
_KNOWN_S: Final = 600.0
_LEEWAY_S: Final = 60
_OK: Final = 200
_HTTPS: Final = "https://"
_IN_THE_CLEAR: Final = f"it names an address that does not begin with {_HTTPS}"
# Signatures alone, by keys that only the provider has: neither `none` nor a secret that both sides know.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
_REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat", "nonce")
# Section 5.4: which scope a claim belongs to.
_SCOPES: Final[Mapping[str, str]] = {"sub": "openid", "email": "openid email"}
_OTHER_SCOPE: Final = "openid profile"


class OpenIdRefusedError(FleetError):
    """The provider does not vouch for somebody; the text says for what."""


class _Discovered(msgspec.Struct, frozen=True):
    """What is used of a provider's description of itself (OpenID Connect Discovery 1.0 section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str


class OpenIdProvider:
    """One provider, for the page of one collector."""

    def __init__(self, settings: OpenIdSettings) -> None:
        """Read what it is to be shown and believed by.

        Raises:
            FleetError: the client's secret, or the file with the authorities, cannot be read.
        """
        self._settings = settings
        self._secret = (
            None
            if settings.secret_file is None
            else read_secret(settings.secret_file, "The secret of the OpenID client", "ascii").strip()
        )
        try:
            self._tls = ssl.create_default_context(cafile=settings.ca)
        except OSError as error:
            raise FleetError(
                f"The authorities of the OpenID provider, {settings.ca}, cannot be read. Name a PEM file as `ca`."
            ) from error
        self._lock = Lock()
        self._discovered: tuple[_Discovered, float] | None = None

    @property
    def page(self) -> str:
        """Where it sends people back to."""
        return self._settings.address

    def way_there(self, challenge: str) -> str:
        """Return where a browser goes to log in.

        Args:
            challenge: of its verifier, by S256 (RFC 7636 section 4.2).

        Raises:
            FleetError: the provider cannot be asked.
        """
        endpoint, settings = self._discover().authorization_endpoint, self._settings
        asked = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": settings.address,
            "scope": _SCOPES.get(settings.claim, _OTHER_SCOPE),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": challenge,
            "nonce": challenge,
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    def try_out(self) -> None:
        """Go as far as is possible without anybody.

        Raises:
            FleetError: it cannot be asked, or its answer cannot be believed.
        """
        self._keys(self._discover())

    def who(self, code: str, verifier: str) -> str:
        """Return what `user_fleets` calls somebody who comes back with a code.

        Args:
            code: the provider's, good once.
            verifier: what the browser that began the log-in knows.

        Raises:
            OpenIdRefusedError: the provider does not vouch for them.
            FleetError: it cannot be asked, or its answer cannot be believed.
        """
        found = self._discover()
        tokens = self._redeem(found, code, verifier)
        claims = self._verified(found, tokens.id_token)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not hmac.compare_digest(str(claims["nonce"]).encode(), challenge.encode()):
            raise OpenIdRefusedError("The OpenID provider's answer is to a log-in that began elsewhere.")
        claim = self._settings.claim
        if claim not in claims and found.userinfo_endpoint is not None:
            claims = self._more(found.userinfo_endpoint, tokens.access_token, claims["sub"])
        name = claims.get(claim)
        if not isinstance(name, str) or not is_open_id_name(f"{OPEN_ID_PREFIX}{name}"):
            raise OpenIdRefusedError(f"The OpenID provider says no `{claim}` of this person that can be a name.")
        if claim == "email" and claims.get("email_verified") is not True:
            raise OpenIdRefusedError("The OpenID provider has not verified this person's address (`email_verified`).")
        return f"{OPEN_ID_PREFIX}{name}"

    def _discover(self) -> _Discovered:
        with self._lock:
            now_s = time.monotonic()
            if self._discovered is not None and now_s - self._discovered[1] < _KNOWN_S:
                return self._discovered[0]
            issuer = self._settings.issuer
            found = self._read(f"{issuer.removesuffix('/')}/.well-known/openid-configuration", _Discovered)
            if found.issuer != issuer:
                raise _unbelievable("it calls itself otherwise than `issuer` does")
            if not found.authorization_endpoint.startswith(_HTTPS):
                raise _unbelievable(_IN_THE_CLEAR)
            self._discovered = found, now_s
            return found

    def _redeem(self, found: _Discovered, code: str, verifier: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.address,
            "code_verifier": verifier,
            "client_id": self._settings.client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        methods = found.token_endpoint_auth_methods_supported
        if self._secret is not None and "client_secret_basic" not in methods and "client_secret_post" in methods:
            form["client_secret"] = self._secret
        elif self._secret is not None:
            # RFC 6749 section 2.3.1: both are encoded as in a form first.
            pair = f"{quote_plus(self._settings.client_id)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        status, text = self._ask("POST", found.token_endpoint, headers, urlencode(form))
        if status == 400:  # noqa: PLR2004 - RFC 6749 section 5.2
            with suppress(msgspec.MsgspecError):
                if msgspec.json.decode(text, type=dict[str, Any]).get("error") == "invalid_grant":
                    raise OpenIdRefusedError("The OpenID provider does not accept this log-in, or no longer.")
        return _decoded(status, text, _Tokens)

    def _verified(self, found: _Discovered, token: str) -> Mapping[str, Any]:
        """Return what an ID token says, once all of section 3.1.3.7 holds but the nonce."""
        keys, client_id = self._keys(found), self._settings.client_id
        try:
            wanted = jwt.get_unverified_header(token).get("kid")
            signers = [each for each in keys if wanted in {None, each.key_id}]
            if len(signers) != 1:
                raise _unbelievable("its token is signed by none of its keys")
            claims = jwt.decode(
                token, signers[0].key, _ALGORITHMS, {"require": [*_REQUIRED]},
                audience=client_id, issuer=found.issuer, leeway=_LEEWAY_S,
            )  # fmt: skip
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise _unbelievable(f"its token is not as it has to be ({type(error).__name__})") from error
        if claims["aud"] not in (client_id, [client_id]) and claims.get("azp") != client_id:
            raise _unbelievable("its token is for somebody else, too")
        return claims

    def _keys(self, found: _Discovered) -> list[jwt.PyJWK]:
        try:
            return jwt.PyJWKSet.from_dict(self._read(found.jwks_uri, dict[str, Any])).keys
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise _unbelievable(f"its keys are none ({type(error).__name__})") from error

    def _more(self, endpoint: str, access_token: str, subject: str) -> Mapping[str, Any]:
        """Ask for what the ID token leaves out (section 5.3)."""
        headers = {"Authorization": f"Bearer {access_token}"}
        claims = _decoded(*self._ask("GET", endpoint, headers), dict[str, Any])
        if claims.get("sub") != subject:
            raise _unbelievable("it speaks of two people at once")
        return claims

    def _read(self, url: str, kind: type[Answer]) -> Answer:
        return _decoded(*self._ask("GET", url, {}), kind)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: str | None = None) -> tuple[int, bytes]:
        parts = urlsplit(url)
        if not url.startswith(_HTTPS) or parts.hostname is None:
            raise _unbelievable(_IN_THE_CLEAR)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        try:
            with closing(HTTPSConnection(parts.hostname, parts.port, timeout=_STEP_S, context=self._tls)) as connection:
                connection.connect()
                # The plain socket's: TLS would first say good-bye to somebody who does not listen.
                ending = Timer(_MOST_S, socket.socket.shutdown, (connection.sock, socket.SHUT_RDWR))
                ending.daemon = True
                ending.start()
                try:
                    connection.request(method, path, body, {"Accept": "application/json", **headers})
                    answer = connection.getresponse()
                    return answer.status, answer.read(_MOST_BYTES + 1)
                finally:
                    ending.cancel()
        except (OSError, HTTPException, ValueError) as error:
            _log.warning("The OpenID provider cannot be asked who somebody is (%s).", type(error).__name__)
            raise FleetError(
                "The OpenID provider cannot be asked who somebody is. Try again in a while; `issuer` in [http.open_id] "
                "of collector.toml is where it should be."
            ) from error


def _decoded(status: int, text: bytes, kind: type[Answer]) -> Answer:
    if status != _OK:
        raise _unbelievable(f"it answers with {status}")
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _unbelievable("what it says is not what was asked for") from error


def _unbelievable(why: str) -> FleetError:
    """Write down why a provider is not believed, which is for whoever runs the collector."""
    _log.warning("The OpenID provider cannot be believed: %s.", why)
    return FleetError(f"The OpenID provider cannot be believed: {why}. Look at [http.open_id] of collector.toml.")
