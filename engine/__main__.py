"""Builds the SIP library's wheel, unless it has been built from the same things before, and prints where it is."""

import argparse
import sys

from engine.cache import say, wheel_for
from engine.errors import EngineError


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python3 -m engine", description=__doc__)
    parser.add_argument("--arch", default="", help="amd64 or arm64; this machine's by default")
    parser.add_argument("--sanitize", action="store_true", help="with assertions and AddressSanitizer, for the fuzzer")
    words = parser.parse_args()
    try:
        print(wheel_for(words.arch, sanitize=words.sanitize))  # noqa: T201 - the answer
    except EngineError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"The SIP library cannot be built: {error}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
