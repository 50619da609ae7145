"""What each unit can reach, asked from inside its own sandbox, and outside to show that there is something to reach."""

import json
from collections.abc import Iterator

import pytest

from tests.lab.installed_box import VENV_PYTHON, InstalledBox

HANDSET = "wecall-handset.service"
VOICE = "wecall-voice.service"
SYNC = "wecall-sync.service"
FETCH = "wecall-fetch.service"
LAN = "wecall-lan.service"
STICK = "wecall-stick@.service"

# Prints, for each attempt, "done" or the name of the error.
ATTEMPTS = """
import ctypes, errno, json, mmap, os, socket, sys, threading

def attempt(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "done"

def write(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

def sort_by_callback():
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, 3, 4, compare(lambda a, b: a[0] - b[0]))
    assert list(numbers) == [1, 2, 3]

def mmap_writable_and_executable():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)

def sound_format():
    from firmware.voice.audio.sound_format import best_format
    return str(best_format())

def adjust_clock(modes):  # adjtimex(2): 0 only asks
    timex = (ctypes.c_uint * 64)(modes)
    if ctypes.CDLL(None, use_errno=True).adjtimex(timex) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")

def namespace():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):  # CLONE_NEWUSER
        raise OSError(ctypes.get_errno(), "unshare")

print(json.dumps({
    "store": attempt(lambda: os.listdir("/var/lib/wecall")),
    "store is covered": "yes" if os.stat("/var/lib/wecall").st_mode & 0o777 == 0 else "no",
    "recording": attempt(lambda: open("/var/lib/wecall/recordings/of-test", "rb").read()),
    "picture": attempt(lambda: open("/var/lib/wecall/pictures/of-test", "rb").read()),
    "wrapped keys": attempt(lambda: open("/var/lib/wecall/store.key-wrap", "rb").read()),
    "configuration": attempt(lambda: open("/etc/wecall/config.toml").read()),
    "change configuration": attempt(lambda: write("/etc/wecall/config.toml")),
    "encrypted keys": attempt(lambda: os.listdir("/etc/wecall/credentials")),
    "store key": attempt(lambda: open(os.environ.get("CREDENTIALS_DIRECTORY", "/nowhere") + "/store-key", "rb").read()),
    "sound": attempt(lambda: os.close(os.open("/dev/snd/pcmC0D0c", os.O_RDWR | os.O_NONBLOCK))),
    "anybody's sound": attempt(lambda: os.close(os.open("/dev/snd/pcmC0D1c", os.O_RDWR | os.O_NONBLOCK))),
    "memory device": attempt(lambda: os.close(os.open("/dev/mem-of-test", os.O_RDONLY))),
    "write elsewhere": attempt(lambda: write(f"/opt/anybody/{os.getuid()}")),
    "write own state": attempt(lambda: write(f"/var/lib/wecall/{os.getuid()}")),
    "read /root": attempt(lambda: os.listdir("/root")),
    "raw packets": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()),
    "internet": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()),
    "internet 6": attempt(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()),
    "netlink": attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()),
    "callbacks": attempt(sort_by_callback),
    "recordings": sound_format(),
    "memfd": attempt(lambda: os.close(os.memfd_create("x"))),
    "writable code": attempt(mmap_writable_and_executable),
    "priority": attempt(lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))),
    "state of the clock": attempt(lambda: adjust_clock(0)),
    "change the clock": attempt(lambda: adjust_clock(0x0001)),  # ADJ_OFFSET, by nothing
    "namespace": attempt(namespace),
    "other processes": "done" if os.path.exists("/proc/1/status") else "ENOENT",
}))
"""


@pytest.fixture(scope="module")
def things_to_reach(box: InstalledBox) -> Iterator[None]:
    """Nodes such as the kernel makes for a sound card and for the memory, files of the handset, and a folder
    for anybody.
    """
    box.shell("""
        for folder in recordings pictures; do
            install -d -o wecall -g wecall -m 0700 /var/lib/wecall/$folder
            install -o wecall -g wecall -m 0600 /dev/null /var/lib/wecall/$folder/of-test
        done
        [ -e /var/lib/wecall/store.key-wrap ] ||
            install -o wecall -g wecall -m 0600 /dev/null /var/lib/wecall/store.key-wrap
        mkdir -m 1777 /opt/anybody
        mkdir /dev/snd
        mknod /dev/snd/pcmC0D0c c 116 24
        chgrp audio /dev/snd/pcmC0D0c
        chmod 0660 /dev/snd/pcmC0D0c
        mknod -m 0666 /dev/snd/pcmC0D1c c 116 25
        mknod -m 0666 /dev/mem-of-test c 1 1
    """)
    yield
    box.shell("rm -rf /var/lib/wecall/0 /var/lib/wecall/*/of-test /dev/snd /dev/mem-of-test /opt/anybody")


@pytest.fixture(scope="module")
def from_sync(box: InstalledBox, things_to_reach: None) -> dict[str, str]:
    result: dict[str, str] = json.loads(box.probe(SYNC, ATTEMPTS))
    return result


@pytest.fixture(scope="module")
def from_voice(box: InstalledBox, things_to_reach: None) -> dict[str, str]:
    result: dict[str, str] = json.loads(box.probe(VOICE, ATTEMPTS))
    return result


@pytest.fixture(scope="module")
def from_handset(box: InstalledBox, things_to_reach: None) -> dict[str, str]:
    result: dict[str, str] = json.loads(box.probe(HANDSET, ATTEMPTS))
    return result


@pytest.fixture(scope="module")
def from_stick(box: InstalledBox, things_to_reach: None) -> dict[str, str]:
    result: dict[str, str] = json.loads(box.probe(STICK, ATTEMPTS))
    return result


@pytest.fixture(scope="module")
def unconfined(box: InstalledBox, things_to_reach: None) -> dict[str, str]:
    result: dict[str, str] = json.loads(box.run(VENV_PYTHON, "-I", "-c", ATTEMPTS).stdout)
    return result


def test_the_questions_can_be_answered_outside_a_sandbox(unconfined: dict[str, str]) -> None:
    refused = {what for what, answer in unconfined.items() if answer in {"EPERM", "EACCES", "EROFS", "ENOENT"}}
    assert refused == {"store key"}


def test_voice_and_sync_cannot_read_the_store_or_any_file_of_the_handset(
    from_voice: dict[str, str], from_sync: dict[str, str]
) -> None:
    for answers in (from_voice, from_sync):
        assert answers["store"] == "EACCES"
        assert answers["store is covered"] == "yes"
        assert answers["configuration"] == "EACCES"
        assert answers["encrypted keys"] == "EACCES"
        assert answers["store key"] == "ENOENT"


def test_voice_and_sync_cannot_read_recordings_pictures_or_wrapped_keys_and_the_handset_can(
    from_voice: dict[str, str], from_sync: dict[str, str], from_handset: dict[str, str]
) -> None:
    for what in ("recording", "picture", "wrapped keys"):
        assert from_voice[what] == from_sync[what] == "EACCES"
        assert from_handset[what] == "done"


@pytest.mark.parametrize("user", ["wecall-voice", "wecall-sync"])
def test_the_store_is_closed_to_their_users_even_without_their_sandbox(box: InstalledBox, user: str) -> None:
    as_user = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups")
    for path in ("/var/lib/wecall", "/etc/wecall", "/run/credentials/wecall-handset.service"):
        assert "Permission denied" in box.run(*as_user, "ls", path, check=False).stdout


def test_the_handset_has_no_network_and_no_sound_device(box: InstalledBox, from_handset: dict[str, str]) -> None:
    for what in ("internet", "internet 6", "netlink", "raw packets"):
        assert from_handset[what] == "EAFNOSUPPORT"
    assert box.probe(HANDSET, "print(open('/proc/net/dev').read().count(':'))") == "1\n"
    # Neither its groups nor its list of devices let it.
    assert (from_handset["sound"], from_handset["anybody's sound"]) == ("EACCES", "EPERM")
    assert "audio" not in box.property_of(HANDSET, "SupplementaryGroups").split()


def test_the_handset_may_give_a_socket_to_the_group_of_each_client(box: InstalledBox) -> None:
    for group in ("wecall-voice", "wecall-sync", "wecall-stick", "wecall-lan", "wecall-admin"):
        box.probe(
            HANDSET,
            "import grp, os, socket\n"
            "with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:\n"
            "    listener.bind('/run/probe/socket')\n"
            f"    os.chown('/run/probe/socket', -1, grp.getgrnam('{group}').gr_gid)\n",
        )


def test_voice_has_a_network_and_sound_and_can_write_nowhere(
    box: InstalledBox, from_voice: dict[str, str], unconfined: dict[str, str]
) -> None:
    for what in ("internet", "internet 6", "netlink", "memfd", "callbacks", "priority"):
        assert from_voice[what] == "done"
    # Its group lets it. Behind the node there is no device, and a kernel without sound knows no such kind, so that the
    # list of devices cannot name it.
    has_kind = " alsa\n" in box.shell("cat /proc/devices")
    assert from_voice["sound"] == (unconfined["sound"] if has_kind else "EPERM")
    assert from_voice["write elsewhere"] == "EROFS"
    assert from_voice["write own state"] == "EACCES"
    assert from_voice["change the clock"] == "EPERM"


def test_voice_opens_no_device_but_sound(box: InstalledBox, from_voice: dict[str, str]) -> None:
    assert from_voice["memory device"] == "EPERM"
    assert box.property_of(VOICE, "DevicePolicy") == "closed"
    allowed = {line.split()[0] for line in box.property_of(VOICE, "DeviceAllow").splitlines()}
    # The clock's, to read, comes with not being allowed to set it.
    assert allowed == {"char-alsa", "char-rtc"}
    assert box.property_of(VOICE, "LimitRTPRIO") == "20"


def test_sync_cannot_open_a_sound_device_or_any_other(from_sync: dict[str, str]) -> None:
    assert from_sync["sound"] == "ENOENT"
    assert from_sync["memory device"] == "ENOENT"


def test_sync_can_write_nowhere_and_reach_only_sockets(from_sync: dict[str, str]) -> None:
    assert from_sync["write elsewhere"] == "EROFS"
    assert from_sync["write own state"] == "EACCES"
    assert from_sync["raw packets"] == "EAFNOSUPPORT"
    assert from_sync["internet"] == "done"
    assert from_sync["memfd"] == "done"


@pytest.mark.parametrize("unit", [FETCH, LAN])
def test_who_fetches_has_a_network_and_nothing_else(box: InstalledBox, things_to_reach: None, unit: str) -> None:
    from_fetch: dict[str, str] = json.loads(box.probe(unit, ATTEMPTS))
    for what in ("store", "recording", "picture", "wrapped keys", "configuration", "encrypted keys", "write own state"):
        assert from_fetch[what] == "EACCES", what
    assert from_fetch["store is covered"] == "yes"
    assert from_fetch["store key"] == "ENOENT"
    assert from_fetch["write elsewhere"] == "EROFS"
    assert (from_fetch["internet"], from_fetch["internet 6"]) == ("done", "done")
    assert from_fetch["raw packets"] == from_fetch["netlink"] == "EAFNOSUPPORT"
    assert from_fetch["sound"] == from_fetch["memory device"] == "ENOENT"
    assert from_fetch["writable code"] == "EACCES"
    assert from_fetch["namespace"] == from_fetch["priority"] == "EPERM"
    assert from_fetch["read /root"] == "EACCES"
    assert from_fetch["other processes"] == "ENOENT"


def test_the_fetcher_sees_whether_a_call_is_on_and_can_use_no_socket_of_the_handsets(box: InstalledBox) -> None:
    script = """
import os, socket
print(os.path.exists("/run/wecall/in-call"))
for name in ("voice", "sync", "stick", "admin"):
    try:
        socket.socket(socket.AF_UNIX).connect(f"/run/wecall/{name}.sock")
    except PermissionError:
        print(name, "refused")
"""
    box.shell("install -o wecall -g wecall -m 0600 /dev/null /run/wecall/in-call")
    try:
        said = box.probe(FETCH, script)
    finally:
        box.run("rm", "/run/wecall/in-call")
    assert said == "True\nvoice refused\nsync refused\nstick refused\nadmin refused\n"


def test_the_handset_sees_whether_the_clock_is_right_and_cannot_set_it(from_handset: dict[str, str]) -> None:
    assert (from_handset["state of the clock"], from_handset["change the clock"]) == ("done", "EPERM")


def test_the_handset_reads_its_configuration_and_key_and_changes_only_its_state(from_handset: dict[str, str]) -> None:
    assert from_handset["configuration"] == "done"
    assert from_handset["change configuration"] == "EACCES"
    assert from_handset["encrypted keys"] == "EACCES"
    assert from_handset["store key"] == "done"
    assert from_handset["write own state"] == "done"
    assert from_handset["write elsewhere"] == "EROFS"


def test_the_handset_opens_no_device_but_gpio_i2c_and_spi(box: InstalledBox, from_handset: dict[str, str]) -> None:
    assert from_handset["memory device"] == "EPERM"
    assert box.property_of(HANDSET, "DevicePolicy") == "closed"
    allowed = {line.split()[0] for line in box.property_of(HANDSET, "DeviceAllow").splitlines()}
    assert allowed == {"char-gpiochip", "char-i2c", "char-spi", "char-tpm"}


def test_the_handset_keeps_callbacks_from_c(from_handset: dict[str, str]) -> None:
    assert from_handset["callbacks"] == "done"


def test_the_handset_finds_the_encoder_of_recordings(from_handset: dict[str, str]) -> None:
    assert from_handset["recordings"] == "opus"


def test_none_makes_code_or_namespaces_or_sees_others(
    from_handset: dict[str, str], from_voice: dict[str, str], from_sync: dict[str, str]
) -> None:
    for answers in (from_handset, from_voice, from_sync):
        assert answers["writable code"] == "EACCES"
        assert answers["namespace"] == "EPERM"
        assert answers["read /root"] == "EACCES"
        assert answers["raw packets"] == "EAFNOSUPPORT"
        assert answers["other processes"] == "ENOENT"
    assert from_handset["priority"] == from_sync["priority"] == "EPERM"


def test_whoever_reads_a_stick_reaches_nothing_of_the_handset_and_no_network_at_all(from_stick: dict[str, str]) -> None:
    for what in ("store", "recording", "picture", "wrapped keys", "configuration", "encrypted keys", "write own state"):
        assert from_stick[what] == "EACCES", what
    assert from_stick["store is covered"] == "yes"
    assert from_stick["store key"] == "ENOENT"
    assert from_stick["write elsewhere"] == "EROFS"
    assert from_stick["internet"] == "EAFNOSUPPORT"
    assert from_stick["raw packets"] == "EAFNOSUPPORT"
    assert from_stick["sound"] == "ENOENT"
    assert from_stick["memory device"] == "ENOENT"
    assert from_stick["writable code"] == "EACCES"
    assert from_stick["namespace"] == "EPERM"
    assert from_stick["priority"] == "EPERM"
    assert from_stick["read /root"] == "EACCES"
    assert from_stick["other processes"] == "ENOENT"


@pytest.mark.parametrize("user", ["wecall-voice", "wecall-sync", "wecall-fetch", "wecall-lan", "wecall-stick"])
def test_whoever_reaches_others_can_order_no_other_voice(box: InstalledBox, user: str) -> None:
    as_user = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups")
    assert "Permission denied" in box.run(*as_user, "touch", "/run/wecall/replace-voice", check=False).stdout


LOOK_AROUND = """
import os
from firmware.base.interfaces import addresses
from firmware.setup.lan.servers import QUERY
print(len(QUERY), sorted({address.version for name, address in addresses() if name == "lo"}))
print(os.path.exists("/run/wecall/lan.sock"))
"""


def test_who_looks_for_a_bundle_finds_the_interfaces_and_sees_whether_it_is_wanted(box: InstalledBox) -> None:
    # The kernel of the box may do without IPv6.
    assert box.probe(LAN, LOOK_AROUND) in {"43 [4, 6]\nFalse\n", "43 [4]\nFalse\n"}


def test_the_sticks_user_may_use_its_own_socket_and_no_other(box: InstalledBox) -> None:
    as_stick = ("setpriv", "--reuid=wecall-stick", "--regid=wecall-stick", "--clear-groups")
    script = """
import socket, sys
for name in ("stick", "sync", "admin"):
    try:
        socket.socket(socket.AF_UNIX).connect(f"/run/wecall/{name}.sock")
    except PermissionError:
        print(name, "refused")
    else:
        print(name, "connected")
"""
    said = box.run(*as_stick, VENV_PYTHON, "-I", "-c", script).stdout
    assert said == "stick connected\nsync refused\nadmin refused\n"
