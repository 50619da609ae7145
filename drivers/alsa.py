"""What the sound drivers share: PCMs opened by name, and ALSA's errors in our words."""

import ctypes
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

import alsaaudio

from drivers.errors import DeviceError

Direction = Literal["playback", "capture"]
_DEVICES: Final = Path("/dev/snd")
_CARDS: Final = Path("/proc/asound")
_OF_A_CARD: Final = re.compile(r"(?:plug)?hw:(?:CARD=)?(?P<card>[A-Za-z0-9_]+)(?:,.*)?")

# A function of C that does nothing with what it is given. One of Python's would wait for Python's lock with alsa-lib's
# held, while another thread, which opens a device at that moment, may hold Python's and wait for alsa-lib's.
_discard = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)


def devices() -> frozenset[str]:
    """Return what the kernel calls the sound devices that are there; another answer means that one came or went."""
    with suppress(OSError):
        return frozenset(path.name for path in _DEVICES.iterdir())
    return frozenset()


def is_missing(name: str, direction: Direction) -> bool:
    """Say whether the kernel has no such device on the card that a PCM's name names; nothing is opened for it.

    A name that names no card, such as default, is taken to be there.
    """
    if (found := _OF_A_CARD.fullmatch(name)) is None:
        return False
    card = found["card"]
    folder = _CARDS / (f"card{card}" if card.isdigit() else card)
    return not any(folder.glob("pcm*c" if direction == "capture" else "pcm*p"))


def silence_alsa_messages() -> None:
    """Keep alsa-lib from writing to standard error: every failure reaches us as an error code too."""
    ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_discard)


def open_pcm(name: str, direction: Direction, *, rate_hz: int, period_frames: int, periods: int, setting: str) -> Any:
    """Open a PCM for 16-bit mono sound without ever blocking on it.

    Args:
        name: the PCM's name, as `aplay -L` lists them.
        direction: which way the sound goes.
        rate_hz: the sample rate.
        period_frames: samples a period.
        periods: how many periods the buffer holds.
        setting: where the configuration names this PCM, for the error message.

    Raises:
        DeviceError: the PCM cannot be opened, or not with this rate and period.
    """
    silence_alsa_messages()
    try:
        pcm = alsaaudio.PCM(
            alsaaudio.PCM_CAPTURE if direction == "capture" else alsaaudio.PCM_PLAYBACK,
            alsaaudio.PCM_NONBLOCK,
            device=name,
            rate=rate_hz,
            channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=period_frames,
            periods=periods,
        )
    except alsaaudio.ALSAAudioError as error:
        program = "arecord" if direction == "capture" else "aplay"
        raise DeviceError(
            f"The sound card {name!r} cannot be opened for {direction}: {reason(error)}. "
            f"Check that it is plugged in and that {setting} names it; `{program} -L` lists the names."
        ) from error
    granted = pcm.info()
    differences = [
        f"{what} {granted[key]} instead of {wanted}"
        for what, key, wanted in (
            ("a rate of", "rate", rate_hz),
            ("a period of", "period_size", period_frames),
            ("channels:", "channels", 1),
            ("the format", "format", alsaaudio.PCM_FORMAT_S16_LE),
        )
        if granted[key] != wanted
    ]
    if differences:
        close_pcm(pcm)
        raise DeviceError(
            f"The sound card {name!r} does not grant what {direction} needs: it offers {', '.join(differences)}. "
            f"Name a PCM that converts in {setting}, such as 'plughw:' or 'dsnoop:' in place of 'hw:', "
            "or choose a rate that the card has."
        )
    return pcm


def close_pcm(pcm: Any) -> None:
    """Shut a PCM at once, whatever state it is in; what is queued is dropped."""
    try:
        # Closing alone would play the queue to its end first.
        pcm.drop()
    except alsaaudio.ALSAAudioError:
        pass
    finally:
        pcm.close()


def reason(error: alsaaudio.ALSAAudioError) -> str:
    """Return what alsa-lib says, without the PCM's name that pyalsaaudio appends."""
    return str(error).rpartition(" [")[0] or str(error)
