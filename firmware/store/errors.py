"""What can be wrong with the store, each its own class so that the display can say it plainly."""

from firmware.base.errors import StorageError


class StoreKeyMissingError(StorageError):
    """There is no usable key for the store."""


class StoreKeyWrongError(StorageError):
    """The store was made with another key."""


class StoreCorruptError(StorageError):
    """The store's bytes are damaged."""


class LedgerDamagedError(StoreCorruptError):
    """The consent ledger does not verify."""


class StoreFullError(StorageError):
    """There is no room left for the store."""


class StoreReadOnlyError(StorageError):
    """The store can be read and not written."""


class StoreBusyError(StorageError):
    """Another process has the store open."""


class StoreTooNewError(StorageError):
    """The store was written by a newer firmware."""


class ErasedMeanwhileError(StorageError):
    """Something was erased since work began that would bring it back."""


class StoreClosedError(StorageError):
    """The store is not open."""


class StoreOnTrialError(StoreClosedError):
    """The store opens once the firmware that runs is confirmed."""


class StoreWaitsForPinError(StoreClosedError):
    """The store opens by the holder's PIN, which nobody has typed since the start."""
