"""Which of a machine's processes gets at its sound cards, asked from within the control group and mounts of each."""

import pytest

from tests.lab.handset_machine import HandsetMachine
from tests.lab.installed_box import VENV_PYTHON

HANDSET = "wecall-handset.service"
VOICE = "wecall-voice.service"

OPEN = """
import errno, os, sys
try:
    os.close(os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK))
except OSError as error:
    print(errno.errorcode[error.errno])
else:
    print("opened")
"""


def inside(machine: HandsetMachine, unit: str, user: str, groups: str, *command: str) -> str:
    """Run a command beside a unit's process, as a user with these groups."""
    enter = """
        pid=$(systemctl show --property=MainPID --value $0)
        echo $$ >/sys/fs/cgroup/system.slice/$0/cgroup.procs
        exec nsenter --target $pid --mount -- setpriv --reuid=$1 --regid=$1 --groups=$2 -- "${@:3}"
    """
    return machine.run("bash", "-euo", "pipefail", "-c", enter, unit, user, groups, *command).stdout


@pytest.mark.parametrize("device", ["controlC", "pcm"])
def test_voice_opens_sound_devices_and_the_handset_does_not_even_as_root(machine: HandsetMachine, device: str) -> None:
    path = machine.shell(f"ls /dev/snd/{device}* | tail -n 1").strip()
    ask = (VENV_PYTHON, "-I", "-c", OPEN, path)
    assert inside(machine, VOICE, "wecall-voice", "audio", *ask) == "opened\n"
    assert inside(machine, HANDSET, "root", "audio", *ask) == "EPERM\n"
    assert inside(machine, HANDSET, "wecall", "wecall", *ask) == "EACCES\n"


def test_the_kernel_tells_the_handset_whether_a_microphone_is_open(machine: HandsetMachine) -> None:
    status = "cat /proc/asound/card*/pcm*c/sub0/status"
    assert "closed" in inside(machine, HANDSET, "wecall", "wecall", "bash", "-c", status)
