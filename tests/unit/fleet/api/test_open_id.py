"""What an OpenID provider may say, and what it is not believed: each lie at the client that ships, by real TLS."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from fleet.api import open_id
from fleet.api.open_id import OpenIdProvider, OpenIdRefusedError
from fleet.api.settings import HttpSettings, OpenIdSettings
from fleet.errors import FleetError
from tests.lab.certificates import CertificateAuthority
from tests.lab.lying_provider import CHALLENGE, CLIENT_ID, PAGE, PERSON, VERIFIER, LyingProvider, answer


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LyingProvider]:
    with LyingProvider(tmp_path_factory.mktemp("liar")) as liar:
        yield liar


@pytest.fixture
def provider(liar: LyingProvider) -> LyingProvider:
    liar.begin_anew()
    return liar


def client(provider: LyingProvider, **settings: Any) -> OpenIdProvider:
    return OpenIdProvider(OpenIdSettings(**{**provider.settings, **settings}))


def test_a_browser_goes_there_with_a_challenge_and_nothing_of_anybody(provider: LyingProvider) -> None:
    address = urlsplit(client(provider).way_there(CHALLENGE))
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/authorize"
    assert parse_qs(address.query) == {
        "response_type": ["code"], "client_id": [CLIENT_ID], "redirect_uri": [PAGE], "scope": ["openid email"],
        "code_challenge": [CHALLENGE], "code_challenge_method": ["S256"], "state": [CHALLENGE], "nonce": [CHALLENGE],
    }  # fmt: skip


@pytest.mark.parametrize(("claim", "scope"), [("sub", "openid"), ("preferred_username", "openid profile")])
def test_no_more_is_asked_for_than_the_claim_needs(provider: LyingProvider, claim: str, scope: str) -> None:
    assert parse_qs(urlsplit(client(provider, claim=claim).way_there(CHALLENGE)).query)["scope"] == [scope]


def test_an_endpoint_that_has_a_query_keeps_it(provider: LyingProvider) -> None:
    provider.discovery["authorization_endpoint"] += "?tenant=a%20b"
    query = parse_qs(urlsplit(client(provider).way_there(CHALLENGE)).query)
    assert (query["tenant"], query["client_id"]) == (["a b"], [CLIENT_ID])


def test_who_it_vouches_for_has_a_name_that_no_user_of_the_brokers_can_have(provider: LyingProvider) -> None:
    assert client(provider).who("code", VERIFIER) == f"openid:{PERSON}"
    assert client(provider, claim="sub").who("code", VERIFIER) == "openid:4711"
    (form,) = [form for path, form in provider.asked if path == "/token"][:1]
    assert form == {
        "grant_type": "authorization_code", "code": "code", "redirect_uri": PAGE, "code_verifier": VERIFIER,
        "client_id": CLIENT_ID,
    }  # fmt: skip


def test_what_the_token_leaves_out_is_asked_for(provider: LyingProvider) -> None:
    del provider.claims["email"], provider.claims["email_verified"]
    provider.documents["/me"] = {"sub": "4711", "email": PERSON, "email_verified": True}
    assert client(provider).who("code", VERIFIER) == f"openid:{PERSON}"
    provider.documents["/me"] = {"sub": "other", "email": PERSON, "email_verified": True}
    with pytest.raises(FleetError, match="two people"):
        client(provider).who("code", VERIFIER)


def test_a_provider_describes_itself_once_in_ten_minutes(
    provider: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = client(provider)
    for _ in range(3):
        asking.way_there(CHALLENGE)
    assert len(provider.asked) == 1
    monkeypatch.setattr(open_id, "_KNOWN_S", 0.0)
    asking.way_there(CHALLENGE)
    assert len(provider.asked) == 2


@pytest.mark.parametrize(
    ("methods", "by_header"), [(None, True), (["client_secret_post"], False), (["private_key_jwt"], True)]
)
def test_the_secret_is_shown_as_the_provider_takes_it(
    provider: LyingProvider, tmp_path: Path, methods: list[str] | None, by_header: bool
) -> None:
    secret, shown = tmp_path / "secret", []
    secret.touch(0o600)
    secret.write_text("s:%&\n")
    if methods is not None:
        provider.discovery["token_endpoint_auth_methods_supported"] = methods
    token = provider.signed()

    def tokens(request: BaseHTTPRequestHandler) -> None:
        shown.append(request.headers["Authorization"])
        answer(request, json.dumps({"id_token": token, "access_token": "a"}).encode())

    provider.documents["/token"] = tokens
    client(provider, secret_file=secret).who("code", VERIFIER)
    ((_, form),) = [each for each in provider.asked if each[0] == "/token"]
    encoded = base64.b64encode(f"{CLIENT_ID}:s%3A%25%26".encode()).decode()
    assert (shown, form.get("client_secret")) == (([f"Basic {encoded}"], None) if by_header else ([None], "s:%&"))


# --- who is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"nonce": "n" * 43}, "began elsewhere"),
        ({"nonce": 7}, "began elsewhere"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": "true"}, "not verified"),
        ({"email_verified": None}, "not verified"),
        ({"email": ""}, "no `email`"),
        ({"email": ["anna@example.com"]}, "no `email`"),
        ({"email": "anna@example.com\nadmin"}, "no `email`"),
        ({"email": "a" * 129}, "no `email`"),
    ],
)
def test_somebody_is_refused(provider: LyingProvider, changed: dict[str, Any], why: str) -> None:
    provider.token = provider.signed(changed)
    with pytest.raises(OpenIdRefusedError, match=why):
        client(provider).who("code", VERIFIER)


@pytest.mark.parametrize(("error", "kind"), [("invalid_grant", OpenIdRefusedError), ("invalid_client", FleetError)])
def test_a_code_that_was_used_is_refused_and_another_mistake_is_the_collectors(
    provider: LyingProvider, error: str, kind: type[FleetError]
) -> None:
    body = json.dumps({"error": error}).encode()
    provider.documents["/token"] = lambda request: answer(request, body, 400)
    with pytest.raises(FleetError) as told:
        client(provider).who("code", VERIFIER)
    assert type(told.value) is kind


# --- what is not believed ---------------------------------------------------------------------------------------------


def unsigned(provider: LyingProvider) -> str:
    parts = [json.dumps(each).encode() for each in ({"alg": "none", "kid": "one"}, provider.claims)]
    return ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts) + "."


def signed_with_what_everybody_knows(provider: LyingProvider) -> str:
    """By HMAC, with the public key as the secret."""
    public = provider.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [json.dumps(each).encode() for each in ({"alg": "HS256", "kid": "one"}, provider.claims)]
    text = b".".join(base64.urlsafe_b64encode(each).rstrip(b"=") for each in parts)
    return f"{text.decode()}.{base64.urlsafe_b64encode(hmac.digest(public, text, sha256)).rstrip(b'=').decode()}"


def changed_afterwards(provider: LyingProvider) -> str:
    head, _, signature = provider.signed().split(".")
    claims = base64.urlsafe_b64encode(json.dumps({**provider.claims, "email": "boss@example.com"}).encode())
    return f"{head}.{claims.rstrip(b'=').decode()}.{signature}"


TOKENS: dict[str, Callable[[LyingProvider], str]] = {
    "unsigned": unsigned,
    "signed with what everybody knows": signed_with_what_everybody_knows,
    "changed afterwards": changed_afterwards,
    "another key": lambda liar: liar.signed(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "no key of its own": lambda liar: liar.signed(kid="two"),
    "for others": lambda liar: liar.signed({"aud": "somebody"}),
    "for others, too": lambda liar: liar.signed({"aud": [CLIENT_ID, "somebody"]}),
    "by another provider": lambda liar: liar.signed({"iss": "https://elsewhere.example.com"}),
    "over": lambda liar: liar.signed({"exp": int(time.time()) - 120}),
    "of tomorrow": lambda liar: liar.signed({"iat": int(time.time()) + 86_400}),
    "no token": lambda _liar: "a.b.c",
    "deep": lambda _liar: "[" * 20_000,
}


@pytest.mark.parametrize("lie", TOKENS)
def test_a_token_is_not_believed(provider: LyingProvider, lie: str) -> None:
    provider.token = TOKENS[lie](provider)
    with pytest.raises(FleetError, match="cannot be believed") as told:
        client(provider).who("code", VERIFIER)
    assert not isinstance(told.value, OpenIdRefusedError)


@pytest.mark.parametrize("claim", open_id._REQUIRED)
def test_a_token_that_leaves_something_out_is_not_believed(provider: LyingProvider, claim: str) -> None:
    provider.token = provider.signed({claim: None})
    with pytest.raises(FleetError, match="MissingRequiredClaim"):
        client(provider).who("code", VERIFIER)


def test_a_token_for_others_too_counts_where_it_was_made_for_us(provider: LyingProvider) -> None:
    provider.token = provider.signed({"aud": [CLIENT_ID, "somebody"], "azp": CLIENT_ID})
    assert client(provider).who("code", VERIFIER) == f"openid:{PERSON}"


def drip(request: BaseHTTPRequestHandler) -> None:
    """Answer a byte a while, for ever."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    try:
        while True:
            request.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        pass


PAGES: dict[str, Any] = {
    "HTML": lambda request: answer(request, b"<html>"),
    "an error": lambda request: answer(request, b"{}", 500),
    "elsewhere": lambda request: answer(request, b"", 302, Location="https://localhost:1/"),
    "a list": [1],
    "half": lambda request: answer(request, b'{"issuer": '),
    "endless": lambda request: answer(request, b" " * (1 << 20)),
    "dripping": drip,
    "no text": lambda request: answer(request, b"\xff\xfe{}"),
    "deep": lambda request: answer(request, b"[" * 100_000),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/me"])
@pytest.mark.parametrize("lie", PAGES)
def test_an_answer_of_another_kind_lets_nobody_in(
    provider: LyingProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str, lie: str
) -> None:
    monkeypatch.setattr(open_id, "_MOST_S", 0.5)
    del provider.claims["email"]
    provider.documents[path] = PAGES[lie]
    began_s = time.monotonic()
    with pytest.raises(FleetError) as told:
        client(provider).who("code-of-anna", VERIFIER)
    assert not isinstance(told.value, OpenIdRefusedError)
    assert time.monotonic() - began_s < 10
    assert not {"code-of-anna", VERIFIER, PERSON} & set(caplog.text.split())


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_nothing_is_asked_in_the_clear(provider: LyingProvider, endpoint: str) -> None:
    del provider.claims["email"]
    provider.discovery[endpoint] = provider.discovery[endpoint].replace("https:", "http:")
    with pytest.raises(FleetError, match="https://"):
        client(provider).who("code", VERIFIER)


def test_a_provider_that_calls_itself_otherwise_is_another(provider: LyingProvider) -> None:
    provider.discovery["issuer"] += "/"
    with pytest.raises(FleetError, match="calls itself otherwise"):
        client(provider).way_there(CHALLENGE)


def test_whose_certificate_is_of_others_is_not_asked(provider: LyingProvider, tmp_path: Path) -> None:
    stranger = CertificateAuthority(tmp_path / "stranger").ca_path
    with pytest.raises(FleetError, match="cannot be asked"):
        client(provider, ca=stranger).way_there(CHALLENGE)
    assert provider.asked == []


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"issuer": "http://login.example.com"}, "pattern"),
        ({"address": "http://fleet.example.com/"}, "pattern"),
        ({"address": "https://fleet.example.com"}, "pattern"),
        ({"client_id": "a b"}, "pattern"),
        ({"claim": "e mail"}, "pattern"),
        ({"secret": "x"}, "extra"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(provider: LyingProvider, changed: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        OpenIdSettings(**{**provider.settings, **changed})


@pytest.mark.parametrize("address", ["https://fleet.example.com/wecall/", "http://127.0.0.1:8090/", "https://[::1]:8/"])
def test_a_page_may_be_at_such_an_address(provider: LyingProvider, address: str) -> None:
    assert OpenIdSettings(**{**provider.settings, "address": address}).address == address


def test_people_of_a_provider_are_named_where_there_is_one(provider: LyingProvider) -> None:
    named = {f"openid:{PERSON}": ["north"], "dashboard.main": "*"}
    assert HttpSettings(user_fleets=named, open_id=provider.settings, auditors=[f"openid:{PERSON}"]).user_fleets
    with pytest.raises(ValidationError, match=r"there is no table \[http.open_id\]"):
        HttpSettings(user_fleets=named)
    for stranger in ("anna@example.com", "openid:", "openid:a b", "dashboard.Main"):
        with pytest.raises(ValidationError, match="pattern"):
            HttpSettings(user_fleets={stranger: "*"}, open_id=provider.settings)


def test_files_that_cannot_be_used_are_named(provider: LyingProvider, tmp_path: Path) -> None:
    open_to_all = tmp_path / "secret"
    open_to_all.write_text("s")
    open_to_all.chmod(0o644)
    for name, path in (("secret_file", open_to_all), ("secret_file", tmp_path / "none"), ("ca", tmp_path / "none")):
        with pytest.raises(FleetError, match=path.name):
            client(provider, **{name: path})
