"""timm imports beside a torchvision whose native extension cannot be loaded; every served page needs it."""

from pathlib import Path

import pytest

from modeling.model import encoders


def test_nothing_is_declared_where_the_extension_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    def declare(*_: object) -> None:
        raise AssertionError("declared although the extension loads")

    monkeypatch.setattr(encoders, "_library", None)
    monkeypatch.setattr(encoders, "_extension_loads", lambda: True)
    monkeypatch.setattr(encoders.torch.library, "Library", declare)
    encoders.declare_missing_schemas()
    assert encoders._library is None


def test_schemas_are_declared_once_where_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = []

    class Library:
        def __init__(self, name: str, kind: str) -> None:
            self.defined: list[str] = []
            libraries.append((name, kind, self.defined))

        def define(self, schema: str) -> None:
            self.defined.append(schema.split("(")[0])

    monkeypatch.setattr(encoders, "_library", None)
    monkeypatch.setattr(encoders, "_extension_loads", lambda: False)
    monkeypatch.setattr(encoders.torch.library, "Library", Library)
    encoders.declare_missing_schemas()
    encoders.declare_missing_schemas()
    assert libraries == [("torchvision", "DEF", ["nms", "qnms"])]


def test_an_extension_that_is_no_library_does_not_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "__init__.py").touch()
    spec = type("Spec", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(encoders.importlib.util, "find_spec", lambda _: spec)
    assert encoders._extension_loads()  # built without an extension: nothing to fail
    (tmp_path / "_C.so").write_bytes(b"not a library")
    assert not encoders._extension_loads()
