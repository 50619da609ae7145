import subprocess
import sys

FORBIDDEN = (
    "firmware.store", "firmware.voice.sip", "firmware.voice.audio", "firmware.phone.view",
    "firmware.phone.menu", "firmware.vcard", "drivers", "sqlcipher3", "pjsua2", "pydantic", "dns", "urllib.request",
    "http", "email",
)  # fmt: skip


def test_the_sync_process_imports_nothing_of_the_phone_the_store_or_the_drivers() -> None:
    program = "import sys, firmware.app.sync; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "paho.mqtt.client" in loaded
    assert [name for name in loaded if name.startswith("firmware.app.")] == ["firmware.app.sync"]
    assert [name for name in loaded if name.startswith(FORBIDDEN)] == []


def test_whoever_needs_a_resolver_or_a_client_of_http_has_one_beside_it() -> None:
    program = (
        "import mqtt.connection, dns.resolver, urllib.request; "
        "print(dns.resolver.Resolver.__name__, urllib.request.urlopen.__name__)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_the_handsets_side_of_the_socket_imports_no_mqtt() -> None:
    program = "import sys, firmware.control.server, firmware.control.sync_role; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith(("paho", "mqtt.connection", "firmware.sync"))] == []
