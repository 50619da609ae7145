"""Runs in a virtual machine: does what it is told through a serial port, one command after the other, as root.

A request is a line {"command": [...], "stdin": "...", "timeout_s": n}, an answer a line {"code": n, "output": "..."}.
"""

import json
import subprocess
import sys


def main() -> None:
    """Answer until the machine goes."""
    with open(sys.argv[1], "r+b", buffering=0) as port:  # noqa: PTH123 - a port, which is no file to seek in
        port.write(b'{"ready": true}\n')
        buffer = b""
        while True:
            chunk = port.read(65536)
            buffer += chunk or b""
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                answer = memoryview(json.dumps(carry_out(**json.loads(line))).encode() + b"\n")
                while answer:
                    answer = answer[port.write(answer) :]


def carry_out(command: list[str], stdin: str, timeout_s: float) -> dict[str, object]:
    """Run a command, with its output and errors in one text."""
    try:
        done = subprocess.run(
            command,
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return {"code": 124, "output": (error.stdout or b"").decode(errors="replace") + "\n(not done in time)"}
    except OSError as error:
        return {"code": 127, "output": str(error)}
    return {"code": done.returncode, "output": done.stdout.decode(errors="replace")}


if __name__ == "__main__":
    main()
