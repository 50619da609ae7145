"""`python -m firmware.cli`."""

import os

from firmware.cli import main

os.umask(0o077)
main()
