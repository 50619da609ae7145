import pytest

from fleet.api.middleware import page_policy


def directives(policy: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in policy.split(";"))}


@pytest.mark.parametrize(
    ("websocket", "origins"),
    [
        (None, ["'self'"]),
        ("wss://broker.example:9443/mqtt", ["'self'", "wss://broker.example:9443"]),
        ("ws://[::1]:9001", ["'self'", "ws://[::1]:9001"]),
    ],
)
def test_the_page_talks_to_its_server_and_to_the_broker_alone(websocket: str | None, origins: list[str]) -> None:
    policy = directives(page_policy(websocket))
    assert policy["connect-src"] == origins
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert "unsafe" not in page_policy(websocket)
