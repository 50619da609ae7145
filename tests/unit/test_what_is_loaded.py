import subprocess
import sys

SELDOM_WANTED = {"cryptography.x509", "email.parser", "mnemonic", "phonenumbers", "segno", "tarfile", "vobject"}
"""Megabytes for copies of everything, sticks and codes to scan, which a handset makes once a year."""


def test_a_handset_does_not_begin_with_what_it_seldom_wants() -> None:
    program = f"import sys, firmware.app.handset; print(*sorted({SELDOM_WANTED} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
