from tests.unit.storage.conftest import lab

__all__ = ["lab"]
