"""A process that encrypts a copy of the holder's data with age: `python -m firmware.store.seal KEY_DESCRIPTOR`.

Standard input brings a passphrase on its first line and then the copy; standard output takes it encrypted to a key that
is drawn for it, and the descriptor takes that key, encrypted to the passphrase: what `age -d -i KEY COPY` reads. The
key's encryption takes as much memory as makes guesses expensive, hundreds of megabytes on a fast machine, which the
handset itself must not be left with.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from pyrage import encrypt_io, passphrase, x25519

_NICENESS = 15
_MOST_PASSPHRASE_BYTES = 1024


def main() -> None:
    """Do it; a copy that is cut off is for whoever feeds it to notice."""
    # A service may not be allowed to.
    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(OSError):
        # Where memory runs out it is this process that goes, not a call.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    secret = sys.stdin.buffer.readline(_MOST_PASSPHRASE_BYTES).decode().rstrip("\n")
    identity = x25519.Identity.generate()
    with os.fdopen(int(sys.argv[1]), "wb") as file:
        file.write(passphrase.encrypt(str(identity).encode() + b"\n", secret))
        file.flush()
        os.fsync(file.fileno())
    encrypt_io(sys.stdin.buffer, sys.stdout.buffer, [identity.to_public()])
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
