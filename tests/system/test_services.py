"""The real services under the real systemd: how they start, are watched, and come back."""

import json
import time

import pytest

from tests.lab.installed_box import InstalledBox, wait_until

HANDSET = "wecall-handset.service"
VOICE = "wecall-voice.service"
SYNC = "wecall-sync.service"
LAN = "wecall-lan.service"
FETCH = "wecall-fetch.service"

all_units = pytest.mark.parametrize("unit", [HANDSET, VOICE, SYNC])


def restarts(box: InstalledBox, unit: str) -> int:
    return int(box.property_of(unit, "NRestarts"))


def wait_until_active(box: InstalledBox, unit: str) -> None:
    wait_until(lambda: box.property_of(unit, "ActiveState") == "active", f"{unit} is active")


@all_units
def test_a_service_is_ready_and_says_in_words_how_it_is(box: InstalledBox, unit: str) -> None:
    wait_until_active(box, unit)
    assert box.property_of(unit, "Type") == "notify"
    assert restarts(box, unit) == 0
    wait_until(lambda: box.property_of(unit, "StatusText").count(" ") >= 1, f"{unit} has a status")

    def is_shown() -> bool:
        words = box.property_of(unit, "StatusText")
        return f'Status: "{words}"' in box.run("systemctl", "status", "--no-pager", unit).stdout

    wait_until(is_shown, f"the status of {unit} is shown")


def test_a_handset_without_sound_card_display_and_keypad_runs_and_says_what_is_missing(box: InstalledBox) -> None:
    wait_until_active(box, HANDSET)

    def failing() -> dict[str, str]:
        done = box.run("wecall", "doctor", "--json", check=False)
        assert done.returncode == 1
        return {finding["part"]: finding["advice"] for finding in json.loads(done.stdout) if not finding["ok"]}

    # Voice, which knows of the sound, is a process of its own.
    wait_until(lambda: {"audio", "keypad", "display"} <= failing().keys(), "all that is missing is said")
    assert all(failing().values())
    assert failing().keys().isdisjoint({"config", "sip build", "store"})


def test_local_sockets_belong_to_the_groups_of_those_who_may_use_them(box: InstalledBox) -> None:
    wait_until_active(box, HANDSET)
    assert box.shell("stat -c '%n %a %U %G' /run/wecall/sync.sock /run/wecall/admin.sock").splitlines() == [
        "/run/wecall/sync.sock 660 wecall wecall-sync",
        "/run/wecall/admin.sock 660 wecall wecall-admin",
    ]
    box.run("wecall", "status")
    as_nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    assert box.run(*as_nobody, "wecall", "status", check=False).returncode != 0


@all_units
def test_a_killed_service_is_back_within_seconds(box: InstalledBox, unit: str) -> None:
    wait_until_active(box, unit)
    before, pid = restarts(box, unit), box.main_pid(unit)
    box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", unit)
    wait_until(lambda: restarts(box, unit) == before + 1, f"{unit} is restarted", 10)
    wait_until_active(box, unit)
    assert box.main_pid(unit) not in {0, pid}


def test_sync_finds_the_handset_again_after_the_handset_was_killed(box: InstalledBox) -> None:
    wait_until_active(box, SYNC)
    sync = box.main_pid(SYNC)
    before = restarts(box, HANDSET)
    box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", HANDSET)
    wait_until(lambda: restarts(box, HANDSET) == before + 1, "the handset is restarted", 10)
    wait_until_active(box, HANDSET)
    wait_until(
        lambda: f"pid={sync}," in box.run("ss", "-xpH", "state", "connected").stdout, "sync is connected again", 60
    )
    assert box.main_pid(SYNC) == sync


def test_voice_is_replaced_whenever_the_handset_wants_and_the_handset_goes_on(box: InstalledBox) -> None:
    wait_until_active(box, HANDSET)
    handset = box.main_pid(HANDSET)
    as_handset = ("setpriv", "--reuid=wecall", "--regid=wecall", "--clear-groups")
    # More often than a service manager would start anything by itself, and also one that does nothing any more.
    for turn in range(8):
        wait_until_active(box, VOICE)
        pid = box.main_pid(VOICE)
        if turn % 2:
            box.run("kill", "-STOP", str(pid))
        box.run(*as_handset, "touch", "/run/wecall/replace-voice")
        wait_until(lambda pid=pid: box.main_pid(VOICE) not in {0, pid}, "another voice runs", 10)  # type: ignore[misc]
    wait_until_active(box, VOICE)
    assert restarts(box, VOICE) == 1
    assert box.main_pid(HANDSET) == handset
    assert not box.path("/run/wecall/replace-voice").exists()


def test_a_bundle_is_looked_for_on_the_local_network_as_long_as_there_is_no_configuration(box: InstalledBox) -> None:
    wait_until_active(box, HANDSET)
    assert box.property_of(LAN, "ActiveState") == "inactive"
    kept = ("/etc/wecall/config.toml", "/var/lib/wecall/configuration.last-good.toml")
    try:
        box.shell("".join(f"[ ! -e {path} ] || mv {path} {path}.of-test; " for path in kept))
        box.run("systemctl", "restart", HANDSET)
        for unit, user in ((LAN, "lan"), (FETCH, "fetch")):
            wait_until_active(box, unit)
            assert box.shell(f"stat -c '%a %U %G' /run/wecall/{user}.sock") == f"660 wecall wecall-{user}\n"
        # One that is killed comes back, a while later.
        box.drop_in(LAN, "[Service]\nRestartSec=1\n")
        pid = box.main_pid(LAN)
        box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", LAN)
        wait_until(lambda: box.main_pid(LAN) not in {0, pid}, "it looks again", 30)
        wait_until_active(box, LAN)
    finally:
        box.remove_drop_in(LAN)
        box.shell("".join(f"[ ! -e {path}.of-test ] || mv {path}.of-test {path}; " for path in kept))
        box.run("systemctl", "restart", HANDSET)
    for unit, user in ((LAN, "lan"), (FETCH, "fetch")):
        wait_until(lambda unit=unit: box.property_of(unit, "ActiveState") == "inactive", "nobody looks any more", 10)  # type: ignore[misc]
        wait_until_active(box, HANDSET)
        assert not box.path(f"/run/wecall/{user}.sock").exists()


def test_a_wish_that_cannot_be_removed_is_carried_out_once_a_second(box: InstalledBox) -> None:
    wait_until_active(box, VOICE)
    as_handset = ("setpriv", "--reuid=wecall", "--regid=wecall", "--clear-groups")
    try:
        box.run(*as_handset, "bash", "-c", "cd /run/wecall; mkdir -p replace-voice/a; chmod 0 replace-voice")
        before = box.journal("wecall-voice-replace.service").count("Starting")
        time.sleep(5)
        assert 1 <= box.journal("wecall-voice-replace.service").count("Starting") - before <= 5
    finally:
        box.run("rm", "-r", "/run/wecall/replace-voice")
    wait_until_active(box, VOICE)


@all_units
def test_a_process_that_hangs_is_restarted_by_the_watchdog(box: InstalledBox, unit: str) -> None:
    box.drop_in(unit, "[Service]\nWatchdogSec=3\nTimeoutAbortSec=1\n")
    box.run("systemctl", "restart", unit)
    wait_until_active(box, unit)
    pid = box.main_pid(unit)
    box.run("kill", "-STOP", str(pid))
    wait_until(lambda: "Watchdog timeout (limit 3s)!" in box.journal(unit), f"the watchdog notices {unit}", 15)
    wait_until(lambda: box.main_pid(unit) not in {0, pid}, f"{unit} is restarted", 15)
    wait_until_active(box, unit)
    box.remove_drop_in(unit)
    box.run("systemctl", "restart", unit)


def test_the_running_handset_loads_no_mqtt_code(box: InstalledBox) -> None:
    """Python modules leave no trace in a process's memory map, so the interpreter itself lists what it imports."""
    for unit, loads_mqtt in ((HANDSET, False), (SYNC, True)):
        box.drop_in(unit, "[Service]\nEnvironment=PYTHONPROFILEIMPORTTIME=1\nStandardError=truncate:/run/imports\n")
        box.run("systemctl", "restart", unit)
        box.remove_drop_in(unit)
        imports = box.run("cat", "/run/imports").stdout
        assert "firmware" in imports
        assert ("paho" in imports) is loads_mqtt
        box.run("systemctl", "restart", unit)


def test_a_missing_or_damaged_store_key_never_keeps_the_phone_from_starting(box: InstalledBox) -> None:
    key = "/etc/wecall/credentials/store-key"
    box.run("cp", key, "/root/store-key")
    try:
        box.run("bash", "-c", f"echo damaged >{key}")
        box.run("systemctl", "restart", HANDSET)
        assert "cannot be decrypted" in box.journal("wecall-credentials.service")
        wait_until_active(box, HANDSET)
        findings = json.loads(box.run("wecall", "doctor", "--json", check=False).stdout)
        assert [finding["ok"] for finding in findings if finding["part"] == "store"] == [False]
    finally:
        box.run("cp", "/root/store-key", key)
        box.run("systemctl", "restart", HANDSET)


def test_the_password_of_every_account_and_of_the_relay_may_be_a_credential(box: InstalledBox) -> None:
    folder = "/etc/wecall/credentials"
    names = ("sip-password-office", "turn-password")
    try:
        for name in names:
            encrypt = f"printf secret | systemd-creds encrypt --with-key=host --name={name} - {folder}/{name}"
            box.run("bash", "-c", encrypt)
        box.run("systemctl", "restart", HANDSET)
        wait_until_active(box, HANDSET)
        handed_on = box.run("ls", f"/run/credentials/{HANDSET}").stdout.split()
        assert set(names) <= set(handed_on)
    finally:
        for name in names:
            box.run("rm", "-f", f"{folder}/{name}")
        box.run("systemctl", "restart", HANDSET)
    wait_until_active(box, HANDSET)
    assert set(names).isdisjoint(box.run("ls", f"/run/credentials/{HANDSET}").stdout.split())


def test_the_journal_holds_the_services_lines_and_no_secret(box: InstalledBox) -> None:
    for unit in (HANDSET, VOICE, SYNC):
        lines = box.run("journalctl", "--no-pager", "--output=json", "_SYSTEMD_UNIT=" + unit).stdout
        assert '"LOGGER":"firmware.' in lines
        assert "a password that nobody logs" not in lines
    assert "Traceback" not in box.journal(HANDSET)


def test_udev_understands_the_rules_for_devices(box: InstalledBox) -> None:
    box.run("udevadm", "verify", "/etc/udev/rules.d/60-wecall.rules")
