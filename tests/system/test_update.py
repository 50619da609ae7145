"""Root's service for updates, by its real unit under the real systemd, asked as the handset's user asks it."""

import json
from typing import Any

import pytest

from tests.lab.installed_box import ATTEMPT, VENV_PYTHON, InstalledBox, wait_until

pytestmark = pytest.mark.feature("updates by slots")

SERVICE = "wecall-update.service"
STATE = "/run/wecall-update/state.json"
AS_HANDSET = ("setpriv", "--reuid=wecall", "--regid=wecall", "--init-groups")
ASK = """
import json, socket, sys
with socket.socket(socket.AF_UNIX) as caller, open("/etc/passwd", "rb") as file:
    caller.connect("/run/wecall-update/update.sock")
    socket.send_fds(caller, [json.dumps({"wish": sys.argv[1]}).encode() + b"\\n"], [file.fileno()])
    print(caller.makefile().read().splitlines()[-1])
"""
# The service, which waits for the next question for seconds.
SOON = (
    "import functools; from firmware.setup.root.update import __main__ as service; "
    "service.UpdateService = functools.partial(service.UpdateService, linger_s=2); service.main()"
)
# What the service tries from inside its sandbox, and what comes of it.
ATTEMPTS = (
    ATTEMPT
    + """
def mount():
    subprocess.run(("mount", "-t", "tmpfs", "none", "/boot"), check=True, capture_output=True)
    write("/boot")

print(json.dumps({
    "own state": attempt(lambda: write("/var/lib/wecall-apply")),
    "the handset's view": attempt(lambda: write("/run/wecall-update")),
    "what a reboot is told": attempt(lambda: write("/run/systemd")),
    "the first partition": attempt(mount),
    "elsewhere in /etc": attempt(lambda: write("/etc/systemd/system")),
    "programs": attempt(lambda: write("/opt/wecall")),
    "the handset's state": attempt(lambda: os.listdir("/var/lib/wecall")),
    "credentials": attempt(lambda: os.listdir("/etc/wecall/credentials")),
    "internet": attempt(lambda: socket.socket(socket.AF_INET)),
}))
"""
)


def ask(box: InstalledBox, wish: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(box.run(*AS_HANDSET, "python3", "-c", ASK, wish).stdout)
    return said


def test_the_state_is_there_before_the_handset_starts_and_everybody_may_read_it(box: InstalledBox) -> None:
    assert json.loads(box.run(*AS_HANDSET, "cat", STATE).stdout)["how"] == "other"
    assert box.shell(f"stat -c '%a %U' {STATE}") == "644 root\n"
    assert SERVICE in box.property_of("wecall-handset.service", "After")
    assert box.run(*AS_HANDSET, "cat", "/var/lib/wecall-apply/update.json", check=False).returncode == 1


def test_the_handset_asks_and_a_machine_that_is_no_card_takes_no_update(box: InstalledBox) -> None:
    assert ask(box, "state")["outcome"] == "done"
    answer = ask(box, "install")
    assert (answer["outcome"], answer["code"], answer["state"]["on_trial"]) == ("refused", "not_for_this", False)
    assert box.shell("stat -c '%a %U:%G' /run/wecall-update/update.sock") == "660 root:wecall\n"


def test_it_ends_when_nobody_asks_and_is_started_for_the_next_question(box: InstalledBox) -> None:
    box.drop_in(SERVICE, f"[Service]\nExecStart=\nExecStart={VENV_PYTHON} -I -c '{SOON}'\n")
    try:
        box.run("systemctl", "restart", SERVICE)
        ask(box, "state")
        wait_until(lambda: box.property_of(SERVICE, "ActiveState") == "inactive", "the service has ended")
        assert ask(box, "state")["outcome"] == "done"
    finally:
        box.remove_drop_in(SERVICE)
        box.run("systemctl", "stop", SERVICE)


def test_its_sandbox_leaves_it_what_it_needs_and_no_more(box: InstalledBox) -> None:
    found = json.loads(box.probe(SERVICE, ATTEMPTS))
    assert found == {
        "own state": "done", "the handset's view": "done", "what a reboot is told": "done",
        "the first partition": "done", "elsewhere in /etc": "EROFS", "programs": "EROFS",
        "the handset's state": "EACCES", "credentials": "EACCES", "internet": "EAFNOSUPPORT",
    }  # fmt: skip


def test_the_timer_leaves_a_machine_alone_that_is_no_card(box: InstalledBox) -> None:
    assert box.property_of("wecall-update-deadline.timer", "ConditionResult") == "no"
    box.run("systemctl", "start", "wecall-update-deadline.service", check=False)
    assert box.property_of("wecall-update-deadline.service", "Result") == "exec-condition"
