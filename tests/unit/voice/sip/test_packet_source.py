"""Where a packet comes from is looked at by one thread while another writes down where it should come from."""

import subprocess
import sys
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[4]
# A process of its own writes: within one, Python would have both take turns.
PROGRAM: Final = """
import ctypes, mmap, os, signal, socket
from firmware.voice.sip import native

family = bytes(ctypes.c_uint16(socket.AF_INET))
address = family + bytes([0x13, 0xC4, 127, 0, 0, 1]) + bytes(20)
written, still = mmap.mmap(-1, 4096), ctypes.create_string_buffer(address)
written[: len(address)] = address
parent, writer = os.getpid(), os.fork()
if not writer:
    while os.getppid() == parent:
        for _ in range(10_000):
            written[:2] = bytes(2)
            written[:2] = family
    os._exit(0)
judge = native.library().pj_sockaddr_cmp
judge.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
place = ctypes.addressof(ctypes.c_char.from_buffer(written))
print(sorted({judge(place, still) == 0 for _ in range(200_000)}))
os.kill(writer, signal.SIGKILL)
"""


def test_an_address_that_is_written_meanwhile_ends_nothing() -> None:
    command = (sys.executable, "-c", PROGRAM)
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr[-500:]
    assert run.stdout == "[False, True]\n"
