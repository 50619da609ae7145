import pkgutil
import subprocess
import sys
from pathlib import Path

import firmware.voice.audio
import firmware.voice.sip

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
