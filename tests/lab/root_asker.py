"""Asks root's service in a systemd box, as the handset's user, with the handset's own code."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.lab.installed_box import InstalledBox

IN_TIME: Final = {"not_after": datetime.now(UTC) + timedelta(days=1)}
"""What a bundle has that is to be taken today."""

_PYTHON: Final = "/opt/wecall/venv/bin/python"
_BUNDLE: Final = "/var/lib/wecall/bundle-of-test"

_ASK: Final = """
import asyncio, json, sys
from pathlib import Path
from firmware.setup.bundles.root_work import RootWork
wish, number = sys.argv[1], int(sys.argv[2])
root = RootWork()
asked = root.ask(number, Path(sys.argv[3]), json.load(sys.stdin)) if wish == "ask" else getattr(root, wish)(number)
print(asyncio.run(asked).model_dump_json())
"""


class RootAsker:
    """Asks as the handset would, by the handset's user."""

    def __init__(self, box: InstalledBox) -> None:
        self._box = box

    def ask(self, number: int, bundle: bytes, secrets: Mapping[str, str] | None = None) -> dict[str, Any]:
        self._box.run(
            "bash", "-c", f"base64 -d >{_BUNDLE}; chown wecall: {_BUNDLE}", stdin=base64.b64encode(bundle).decode()
        )
        return self._said("ask", str(number), _BUNDLE, stdin=json.dumps(secrets or {}))

    def say(self, wish: str, number: int) -> str:
        return str(self._said(wish, str(number))["outcome"])

    def forget(self) -> None:
        """Have root forget every bundle, as on a machine that never saw one."""
        self._box.run("systemctl", "stop", "wecall-apply.service")
        self._box.run("rm", "-f", "/var/lib/wecall-apply/record.json", _BUNDLE)

    def _said(self, *words: str, stdin: str = "") -> dict[str, Any]:
        done = self._box.run(
            "setpriv", "--reuid=wecall", "--regid=wecall", "--init-groups", _PYTHON, "-I", "-c", _ASK, *words,
            stdin=stdin,
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
