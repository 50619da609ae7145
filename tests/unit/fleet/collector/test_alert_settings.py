"""What whoever sets up alerts may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from fleet.collector.alert_settings import AlertSettings

MAIL: dict[str, Any] = {"host": "smtp", "sender": "a@example.com", "recipients": ["b@example.com"]}


def test_a_mail_server_alone_is_enough() -> None:
    settings = AlertSettings.model_validate({"mail": MAIL})
    assert settings.mail is not None
    assert (settings.mail.port, settings.mail.security, settings.offline_hours) == (587, "starttls", 24)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "nobody would be told"),
        ({"mail": MAIL | {"user": "a"}}, "go together"),
        ({"mail": MAIL | {"security": "none"}}, "starttls"),
        ({"mail": MAIL | {"recipients": []}}, "at least 1"),
        ({"mail": MAIL | {"recipients": ["b@example.com\r\nBcc: c@example.com"]}}, "pattern"),
        ({"mail": MAIL | {"password": "x"}}, "Extra inputs"),
        ({"webhook": {"url": "http://hooks.example.com/"}}, "pattern"),
        ({"webhook": {"url": "https://user@hooks.example.com/"}}, "pattern"),
        ({"webhook": {"url": "https://hooks.example.com/a\nb"}}, "pattern"),
    ],
)
def test_what_would_tell_nobody_or_in_the_clear_is_refused(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        AlertSettings.model_validate(table)
