"""Cases of a data set on the Hub: fetched at one commit, pinned, refused in one sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from hub_config.settings import Settings, case_folder
from modeling.errors import CaseStoreError
from tests.doubles.example_cases import small_case
from tests.doubles.hub_server import LoopbackHub, point_clients_at

REPO = "owner/teaching-cases"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        point_clients_at(server, monkeypatch, tmp_path)
        yield server


def published(hub: LoopbackHub, folder: Path, *case_ids: str) -> str:
    with EmbeddedCaseStore.create(folder) as store:
        for case_id in case_ids:
            store.put(small_case(case_id))
    return hub.upload(REPO, folder)


def settings(**given: str) -> Settings:
    return Settings.from_env({"MODEL_REPO": "x", "CASES_REPO": REPO, **given})


def ids(settings: Settings) -> list[str]:
    rows = open_case_store(case_folder(settings)).page(CaseFilter()).rows
    return [row.case_id for row in rows]


def test_cases_are_read_at_the_newest_commit_or_at_the_pinned_one(hub: LoopbackHub, tmp_path: Path) -> None:
    first = published(hub, tmp_path / "1", "a")
    published(hub, tmp_path / "2", "a", "b")
    assert ids(settings()) == ["a", "b"]
    assert ids(settings(CASES_REVISION=first)) == ["a"]
    hub.requests.clear()
    assert ids(settings(CASES_REVISION=first)) == ["a"] and hub.requests == [], (
        "pinned and cached: no request"
    )


def test_mongodb_goes_first_and_a_folder_needs_no_hub(hub: LoopbackHub) -> None:
    assert case_folder(settings(MONGODB_URI="mongodb://h/db")) == "mongodb://h/db"
    assert case_folder(Settings.from_env({"CASES_FOLDER": "/cases"})) == "/cases"
    assert hub.requests == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CASES_REPO": "owner/none"}, "no dataset 'owner/none'.*CASES_REPO"),
        ({"CASES_REVISION": "v9"}, "no revision 'v9'; set CASES_REVISION"),
        ({"CASES_REPO": "a/b/c"}, "no name of a Hub repo"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence(
    hub: LoopbackHub, tmp_path: Path, given: dict[str, str], said: str
) -> None:
    published(hub, tmp_path / "1", "a")
    with pytest.raises(CaseStoreError, match=said):
        case_folder(settings(**given))


def test_a_data_set_without_cases_says_so(hub: LoopbackHub, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# nothing\n")
    hub.upload(REPO, tmp_path)
    with pytest.raises(CaseStoreError, match=r"no cases-\*\.parquet"):
        case_folder(settings())
