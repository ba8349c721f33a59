"""Addresses with a password: misspelt or not, no message and no log repeats the login."""

import contextlib
import io
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from modeling.errors import ViewboxError
from modeling.progress import join_logs, start_logs
from modeling.sentence import Sentence, without_login
from viewbox.command import main

SECRETS = ("hunter2", "p@ss", "h/un?ter")
MISSPELT = [
    f"{scheme}://user:{secret}@host.example:27017/ward"
    for scheme in ("mongo", "mongdb", "mongodb+srv+x", "MONGODB", "postgres", "https", "mongodb:")
    for secret in SECRETS
]


@pytest.mark.parametrize(
    "address",
    [*MISSPELT, "mongodb:/user:hunter2@host/ward", "user:hunter2@host:27017/ward", "user:p@ss@host"],
)
def test_a_misspelt_address_is_refused_and_not_repeated(address: str, tmp_path: Path) -> None:
    behind = tmp_path / "address"
    behind.write_text(address)
    asks: list[Callable[[], object]] = [
        lambda: open_case_store(address),
        lambda: open_case_store(address, write=True),
        lambda: open_case_store(f"@{behind}"),
        lambda: EmbeddedCaseStore.create(address),
    ]
    for ask in asks:
        with pytest.raises(ViewboxError, match="mongodb://") as caught:
            ask()
        said = "".join(traceback.format_exception(caught.value)).partition("Error: ")[2]
        assert not [secret for secret in SECRETS if secret in said], said


@pytest.mark.parametrize("address", [*MISSPELT, "mongo:/user:hunter2@host", "redis://:hunter2@host"])
def test_no_sentence_and_no_log_holds_a_login(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [
        Sentence("'{folder}' cannot be written to.", folder=address),
        Sentence(f"'{address}' cannot be written to."),
        Sentence("{inner}", inner=Sentence("{a}", a=address)),
        ViewboxError("No {address}.", address=address).sentence,
    ]
    for sentence in sentences:
        assert not [s for s in SECRETS if s in f"{sentence} {sentence.template} {sentence.values}"], sentence
    assert "host" in sentences[0], "the server may be named"
    root, written = logging.Logger("root of its own"), io.StringIO()
    monkeypatch.setattr(logging, "root", root)
    monkeypatch.setattr(sys, "stderr", written)
    start_logs(logging.INFO, "%(message)s")
    root.info("opened %s", address)
    try:
        raise ValueError(f"cannot open {address}")
    except ValueError:
        root.exception("failed")
    library = logging.getLogger("a server's own")
    monkeypatch.setattr(library, "parent", root)
    library.addHandler(logging.StreamHandler(written))
    library.propagate = False
    join_logs(library.name)
    library.error("closed %s", address)
    assert "Traceback" in written.getvalue() and "closed" in written.getvalue()
    assert not [secret for secret in SECRETS if secret in written.getvalue()], written.getvalue()


@pytest.mark.parametrize("text", ["a@b.example", "https://example.org/a b@c", "1:2 @ 3", "at 10:30 / me@x"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_login(text) == text


@pytest.mark.parametrize(
    "line",
    [
        ["export", "--dry-run", "--store", "mongo://user:hunter2@host/ward"],
        ["export", "a", "mongodb://user:hunter2@host/ward"],
        ["import", "siim", ".", "--write", "--store", "mongo://user:hunter2@host/ward"],
        ["convert", "mongo://user:hunter2@host/ward", "out.jsonl", "--to", "student"],
        ["convert", "mongo://user:hunter2@host/ward", "mongo://user:hunter2@host/other", "--to", "viewbox"],
        ["export", "a", "--store", "user:hunter2@host:27017"],
        ["import", "siim", ".", "--write", "--store", "mongodb:/user:hunter2@host/ward"],
        ["sweep", "mongo://user:hunter2@host/ward"],
        ["sweep", "mongodb://user:hunter2@@host/ward"],
    ],
    ids=" ".join,
)
def test_no_command_repeats_a_login(
    line: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with contextlib.chdir(tmp_path):
        assert main(line) in (1, 2)
    said = "".join(capfd.readouterr())
    assert said and "hunter2" not in said, said
    assert list(tmp_path.iterdir()) == [], "and no folder of that name"
