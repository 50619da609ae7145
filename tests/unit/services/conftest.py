from tests.unit.store.conftest import lab

__all__ = ["lab"]
