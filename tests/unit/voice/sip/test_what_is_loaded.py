import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import firmware.voice.audio
import firmware.voice.sip

LOAD_TWICE = """
from concurrent.futures import ThreadPoolExecutor
from firmware.voice.sip.stack import load_engine

with ThreadPoolExecutor() as threads:
    for attempt in [threads.submit(load_engine) for _ in range(4)]:
        print(attempt.exception())
"""
ROOT = Path(__file__).parents[4]
UNWANTED = {
    "asyncio",
    "pydantic",
    "PIL",
    "firmware.configuration.loading",
    "firmware.settings",
    "firmware.display",
    "firmware.store",
}


def test_speaking_sip_and_opening_sound_devices_load_nothing_that_reads_a_configuration_draws_or_stores() -> None:
    parts = (firmware.voice.sip, firmware.voice.audio)
    modules = [module.name for part in parts for module in pkgutil.iter_modules(part.__path__, f"{part.__name__}.")]
    modules += [
        "firmware.voice.process",
        "firmware.voice.instruments",
        "drivers.alsa",
        "drivers.errors",
        "drivers.ringer",
        "drivers.sound",
    ]
    code = f"import sys, {', '.join(modules)}; print(*sorted({UNWANTED} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


def test_every_thread_is_told_why_the_sip_library_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "pjsua2.py").write_text('import time; time.sleep(0.2); raise ImportError("none was built")\n')
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD_TWICE], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines() == ["none was built"] * 4
