"""The simulator's server, with an HTTP client of our own in place of a browser."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from drivers.errors import DeviceError
from drivers.simulator.display import FAMILIES
from drivers.simulator.messages import MOST_LINES
from provisioning.display import DisplayFamily
from tests.lab.patience import PATIENCE_S
from tests.lab.phone_with_page import PhoneWithPage

KEYS = (("1", "2", "3"), ("cancel", "0", "ok"))
STRIPES = bytes([0b10101010] * 16 + [0] * 16) * 32


@pytest.fixture
async def phone() -> AsyncIterator[PhoneWithPage]:
    phone = PhoneWithPage(KEYS)
    await phone.begin()
    yield phone
    await phone.end()


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


class Visitor:
    """A page as the server sees it: what it was sent so far, and a way to wait for more."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.hello: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.display: dict[str, Any] = {}
        self.frames: list[bytes] = []
        self.lines: list[str] = []

    async def receive(self) -> None:
        message = await self.socket.receive(PATIENCE_S)
        if message.type is WSMsgType.BINARY:
            self.frames.append(message.data)
        elif message.type is WSMsgType.TEXT:
            content = json.loads(message.data)
            if (kind := content.pop("type")) == "journal":
                self.lines += [line["text"] for line in content["lines"]]
            else:
                setattr(self, kind, content)
        else:
            raise ConnectionError(message)

    async def state_becomes(self, **wanted: object) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while any(self.state.get(name) != value for name, value in wanted.items()):
                await self.receive()

    async def frame_becomes(self, frame: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.frames or self.frames[-1] != frame:
                await self.receive()

    async def lines_become(self, *wanted: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.lines[-len(wanted) :] != list(wanted):
                await self.receive()

    async def is_closed(self) -> tuple[int | None, str]:
        """Read to the end; return the close code and the reason."""
        while True:
            message = await self.socket.receive(PATIENCE_S)
            if message.type is WSMsgType.CLOSE:
                return message.data, str(message.extra)

    async def send(self, **content: object) -> None:
        await self.socket.send_json(content)


def origin_of(url: str) -> str:
    return f"http://{urlsplit(url).netloc}"


async def visit(client: ClientSession, phone: PhoneWithPage) -> Visitor:
    await phone.settle()
    socket = await client.ws_connect(f"{phone.url}phone", headers={"Origin": origin_of(phone.url)})
    visitor = Visitor(socket)
    await visitor.state_becomes(ringing=phone.ringer_light.is_ringing)
    return visitor


async def test_a_page_learns_the_layout_the_state_and_the_pixels_at_once(
    phone: PhoneWithPage, client: ClientSession
) -> None:
    phone.display.show(STRIPES)
    phone.indicator.show("slow_blink")
    phone.ringer_light.ring()
    phone.hook_switch.move(off_hook=True)
    visitor = await visit(client, phone)
    await visitor.frame_becomes(STRIPES)
    assert visitor.hello["keys"] == [list(line) for line in KEYS]
    assert [family for family, _ in visitor.hello["displays"]] == [family.value for family in DisplayFamily]
    assert visitor.display == {"family": "oled_128x64", "kind": "bits", "width": 128, "height": 64, "dots": []}
    assert visitor.state == {
        "off_hook": True, "indicator": "slow_blink", "ringing": True, "keys_down": [], "brightness_percent": 100,
        "text": "", "is_writing": False,
    }  # fmt: skip
    assert visitor.frames == [STRIPES]


async def test_keys_and_hook_of_the_page_reach_the_callbacks(phone: PhoneWithPage, client: ClientSession) -> None:
    reports: asyncio.Queue[str] = asyncio.Queue()
    phone.keypad.when_pressed = reports.put_nowait
    phone.hook_switch.when_lifted = lambda: reports.put_nowait("lifted")
    phone.hook_switch.when_replaced = lambda: reports.put_nowait("replaced")
    visitor = await visit(client, phone)
    await visitor.send(type="hook", off_hook=True)
    for key in ("2", "ok"):
        await visitor.send(type="key_down", key=key)
        await visitor.send(type="key_up", key=key)
    await visitor.send(type="hook", off_hook=False)
    async with asyncio.timeout(PATIENCE_S):
        assert [await reports.get() for _ in range(4)] == ["lifted", "2", "ok", "replaced"]


async def test_two_pages_show_the_same_phone(phone: PhoneWithPage, client: ClientSession) -> None:
    first, second = await visit(client, phone), await visit(client, phone)
    await first.send(type="key_down", key="1")
    await second.state_becomes(keys_down=["1"])
    await second.send(type="hook", off_hook=True)
    await first.state_becomes(off_hook=True, keys_down=["1"])
    phone.display.show(STRIPES)
    await first.frame_becomes(STRIPES)
    await second.frame_becomes(STRIPES)


async def test_a_page_that_closes_lets_its_keys_go_and_leaves_those_of_others_down(
    phone: PhoneWithPage, client: ClientSession
) -> None:
    leaving, staying = await visit(client, phone), await visit(client, phone)
    for key in ("1", "2"):
        await leaving.send(type="key_down", key=key)
    await staying.state_becomes(keys_down=["1", "2"])
    await staying.send(type="key_down", key="2")
    await staying.send(type="key_down", key="3")
    await staying.state_becomes(keys_down=["1", "2", "3"])
    await leaving.socket.close()
    await staying.state_becomes(keys_down=["2", "3"])


async def test_a_frame_shown_by_another_thread_reaches_the_page(phone: PhoneWithPage, client: ClientSession) -> None:
    visitor = await visit(client, phone)
    # Late enough for the loop to be asleep: only the safe way of entering it from another thread wakes it.
    thread = threading.Timer(0.2, phone.display.show, args=(STRIPES,))
    thread.start()
    await visitor.frame_becomes(STRIPES)
    thread.join()


async def test_a_page_that_does_not_read_misses_frames_and_ends_with_the_latest(
    phone: PhoneWithPage, client: ClientSession
) -> None:
    visitor = await visit(client, phone)
    shown = 20_000
    for number in range(shown):
        phone.display.show(number.to_bytes(4, "big") * 256)
        if number % 100 == 0:
            await asyncio.sleep(0)
    await visitor.frame_becomes((shown - 1).to_bytes(4, "big") * 256)
    assert len(visitor.frames) < shown


async def test_another_display_is_chosen_on_the_page_and_the_firmware_told(
    phone: PhoneWithPage, client: ClientSession
) -> None:
    reports: asyncio.Queue[str] = asyncio.Queue()
    phone.when_family_changed = reports.put_nowait
    first, second = await visit(client, phone), await visit(client, phone)
    phone.display.show(STRIPES)
    await second.frame_becomes(STRIPES)
    await first.send(type="display", family="character_20x4")
    async with asyncio.timeout(PATIENCE_S):
        assert await reports.get() == "character_20x4"
    for visitor in (first, second):
        await visitor.frame_becomes(b" " * 80)
        assert (visitor.display["family"], visitor.display["width"]) == ("character_20x4", 20)
    phone.display.show(STRIPES)
    phone.display.show(b"A" * 80)
    await second.frame_becomes(b"A" * 80)
    assert second.frames[-2:] == [b" " * 80, b"A" * 80]
    await first.send(type="display", family="character_20x4")
    await first.send(type="key_down", key="1")
    await first.state_becomes(keys_down=["1"])
    assert reports.empty()


async def test_letters_come_with_the_dots_that_they_are_made_of(client: ClientSession) -> None:
    glyph = (0, 4, 14, 14, 14, 31, 4, 0)
    phone = PhoneWithPage(KEYS, family="character_20x4", glyphs=(glyph,))
    await phone.begin()
    visitor = await visit(client, phone)
    dots = visitor.display["dots"]
    assert len(dots) == 256
    assert dots[0] == list(glyph)
    assert dots[ord("A")] == [0, 0b00100, 0b01010, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001]
    assert dots[ord(" ")] == [0] * 8
    await phone.end()


async def test_what_the_display_says_in_words_and_how_bright_it_is_reaches_the_page(
    phone: PhoneWithPage, client: ClientSession
) -> None:
    visitor = await visit(client, phone)
    phone.describe("14:03")
    phone.display.set_brightness(35)
    await visitor.state_becomes(text="14:03", brightness_percent=35)


async def test_what_the_phone_did_is_told_once_to_each_page_and_its_beginning_forgotten(
    phone: PhoneWithPage, client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    early = await visit(client, phone)
    phone.note("Calling 1001")
    await early.lines_become("Calling 1001")
    phone.note("1001 answered")
    await early.lines_become("Calling 1001", "1001 answered")
    for number in range(MOST_LINES):
        phone.note(str(number))
    late = await visit(client, phone)
    await late.lines_become(str(MOST_LINES - 1))
    assert late.lines == [str(number) for number in range(MOST_LINES)]
    assert "1001" not in caplog.text


def test_the_page_offers_the_families_of_the_configuration_and_no_two_frames_of_them_are_as_long() -> None:
    assert list(FAMILIES) == [family.value for family in DisplayFamily]
    assert len({family.frame_bytes for family in FAMILIES.values()}) == len(FAMILIES)


@pytest.mark.parametrize(
    "sent",
    [
        '{"type": "display", "family": "hologram"}',
        "",
        "not JSON",
        "[]",
        '{"type": "reboot"}',
        '{"type": "key_down"}',
        '{"type": "key_down", "key": 5}',
        '{"type": "key_down", "key": "no such key"}',
        '{"type": "key_down", "key": "1", "and": "more"}',
        '{"type": "hook", "off_hook": "yes"}',
        '{"type": "state", "off_hook": true, "indicator": "on", "ringing": true, "keys_down": []}',
        b'{"type": "key_down", "key": "1"}',
    ],
)
async def test_a_page_that_breaks_the_protocol_is_hung_up_on_with_a_reason(
    phone: PhoneWithPage, client: ClientSession, sent: str | bytes
) -> None:
    innocent, guilty = await visit(client, phone), await visit(client, phone)
    await guilty.send(type="key_down", key="2")
    if isinstance(sent, bytes):
        await guilty.socket.send_bytes(sent)
    else:
        await guilty.socket.send_str(sent)
    code, reason = await guilty.is_closed()
    assert code == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert reason.endswith(".")
    await innocent.send(type="key_down", key="3")
    await innocent.state_becomes(keys_down=["3"], off_hook=False)


async def test_a_page_that_sends_a_flood_in_one_message_is_hung_up_on(
    phone: PhoneWithPage, client: ClientSession
) -> None:
    visitor = await visit(client, phone)
    await visitor.socket.send_str(" " * 2000)
    code, _ = await visitor.is_closed()
    assert code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1", "null", "http://127.0.0.1:1", None])
async def test_no_other_site_may_use_the_phone(phone: PhoneWithPage, client: ClientSession, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await client.ws_connect(f"{phone.url}phone", headers=headers)
    assert refusal.value.status == 403


@pytest.mark.parametrize("path", ["", "phone.js", "phone"])
async def test_a_name_that_was_pointed_at_this_machine_is_refused(
    phone: PhoneWithPage, client: ClientSession, path: str
) -> None:
    port = urlsplit(phone.url).port
    foreign = {"Host": f"rebound.example:{port}", "Origin": f"http://rebound.example:{port}"}
    async with client.get(f"{phone.url}{path}", headers=foreign) as response:
        assert response.status == 421


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
async def test_the_machines_own_addresses_are_answered_to(
    phone: PhoneWithPage, client: ClientSession, host: str
) -> None:
    async with client.get(phone.url, headers={"Host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize("path", ["", "phone.css", "phone.js", "icon.svg", "no-such-file"])
async def test_what_is_served_loads_nothing_from_elsewhere_and_sets_no_cookie(
    phone: PhoneWithPage, client: ClientSession, path: str
) -> None:
    async with client.get(f"{phone.url}{path}") as response:
        text = await response.text()
        policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
        assert policy.pop("default-src") == "'none'"
        assert set(policy.values()) <= {"'self'", "'none'"}
        assert "Set-Cookie" not in response.headers
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        for own in ("http://www.w3.org/2000/svg", "ws://${location.host}/"):
            text = text.replace(own, "")
        assert "//" not in re.sub(r"^ *// .*$", "", text, flags=re.MULTILINE)


async def test_a_stopped_simulator_says_goodbye_and_frees_its_port(client: ClientSession) -> None:
    phone = PhoneWithPage(KEYS)
    await phone.begin()
    visitor = await visit(client, phone)
    await phone.end()
    assert await visitor.is_closed() == (aiohttp.WSCloseCode.GOING_AWAY, "The phone was switched off.")
    phone.display.show(STRIPES)
    again = PhoneWithPage(KEYS, port=urlsplit(phone.url).port or 0)
    await again.begin()
    await again.end()


async def test_a_port_that_is_taken_is_said_in_words(phone: PhoneWithPage) -> None:
    port = urlsplit(phone.url).port or 0
    with pytest.raises(DeviceError, match=f"cannot listen on 127.0.0.1 port {port}"):
        PhoneWithPage(KEYS, port=port)


# --- the stick --------------------------------------------------------------------------------------------------------


async def plug_in(client: ClientSession, phone: PhoneWithPage, bundle: bytes, origin: str | None = None) -> int:
    headers = {"Origin": origin_of(phone.url) if origin is None else origin}
    async with client.post(f"{phone.url}stick", data=bundle, headers=headers) as answer:
        return answer.status


async def test_a_file_that_is_plugged_in_reaches_the_phone_whole(phone: PhoneWithPage, client: ClientSession) -> None:
    plugged: asyncio.Queue[bytes] = asyncio.Queue()
    phone.simulator.stick.when_plugged = plugged.put
    bundle = bytes(range(256)) * 20_000
    assert await plug_in(client, phone, bundle) == 204
    assert plugged.get_nowait() == bundle


async def test_no_other_site_plugs_a_stick_in(phone: PhoneWithPage, client: ClientSession) -> None:
    plugged: asyncio.Queue[bytes] = asyncio.Queue()
    phone.simulator.stick.when_plugged = plugged.put
    assert await plug_in(client, phone, b"bundle", "http://evil.example") == 403
    assert plugged.empty()


async def test_a_file_that_no_stick_of_ours_holds_is_refused(
    phone: PhoneWithPage, client: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged: asyncio.Queue[bytes] = asyncio.Queue()
    phone.simulator.stick.when_plugged = plugged.put
    monkeypatch.setattr("drivers.simulator.stick.MOST_BYTES", 1000)
    assert await plug_in(client, phone, bytes(1001)) == 413
    assert await plug_in(client, phone, bytes(1000)) == 204
    assert plugged.qsize() == 1
