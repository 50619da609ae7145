"""The one error that a driver raises."""


class DeviceError(OSError):
    """A device is missing or failed; the message is a full sentence that says what to do."""
