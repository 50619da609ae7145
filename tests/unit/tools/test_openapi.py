import json

from tools.openapi.document import PATH, document


def test_the_openapi_document_is_that_of_the_app() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run make openapi"


def test_every_route_and_every_parameter_says_what_it_is() -> None:
    paths = json.loads(document())["paths"]
    operations = {
        f"{method} {path}": operation for path, methods in paths.items() for method, operation in methods.items()
    }
    silent = [name for name, operation in operations.items() if not operation.get("description")]
    silent += [
        f"{name} {parameter['name']}"
        for name, operation in operations.items()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert silent == []


def test_nothing_but_the_settings_and_logging_in_is_there_without_a_token() -> None:
    paths = json.loads(document())["paths"]
    open_to_all = {
        f"{method} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if not operation.get("security")
    }
    assert open_to_all == {
        "get /api/v1/settings",
        "post /api/v1/session",
        "get /api/v1/session/open-id",
        "post /api/v1/session/open-id",
    }


def test_nothing_can_be_changed_but_sessions_and_what_is_said_of_files() -> None:
    paths = json.loads(document())["paths"]
    assert {path for path, methods in paths.items() if set(methods) != {"get"}} == {
        "/api/v1/exports",
        "/api/v1/session",
        "/api/v1/session/open-id",
    }
