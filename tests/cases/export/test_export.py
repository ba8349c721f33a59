"""What leaves a store: only what may, without loss, with a card, and readable by anyone's tools."""

import dataclasses
import io
import json
import os
import uuid
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from cases.case import Licence, Provenance
from cases.export import export as exporting
from cases.export.export import Account, card, export
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.parquet import files as case_files
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from modeling.errors import CaseStoreError
from modeling.study import Radiograph, Study
from tests.doubles.command import command
from tests.doubles.example_cases import (
    chest_like,
    full_case,
    jpeg,
    plain,
    small_case,
    student_document,
    study_case,
)
from tests.doubles.mongo_server import MongoServer

main = command("export")

FILM = jpeg(chest_like())


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedCaseStore:
    """A 16-bit film, a JPEG film, a case without a film, and two that may not leave."""
    with EmbeddedCaseStore.create(tmp_path / "store") as filled:
        filled.put(full_case("full"))
        photo = dataclasses.replace(
            small_case("jpeg", appearance="Typical", licence=Licence("CC BY 4.0", True, True)),
            study=Study(Radiograph(np.array(Image.open(io.BytesIO(FILM))))),
            provenance=Provenance("set-b", "p|1", "Someone et al.,\nsome | where 2020."),
        )
        filled.put(photo, film=FILM)
        filled.put(dataclasses.replace(full_case("no-film"), study=Study(table=full_case().study.table)))
        filled.put(small_case("kept-1", licence=Licence("own copy", True, False)))
        filled.put(small_case("kept-2", source="set-b", licence=Licence("own copy", False, False)))
    return EmbeddedCaseStore.open(str(tmp_path / "store"))


def test_only_what_may_leave_leaves_and_the_rest_is_counted(store: EmbeddedCaseStore, tmp_path: Path) -> None:
    account = export(store, tmp_path / "out")
    assert account.cases == 3
    reason = "the licence does not let it be passed on (own copy)"
    assert account.left == {("set-a", reason): 1, ("set-b", reason): 1}
    found = EmbeddedCaseStore.open(str(tmp_path / "out"))
    assert [row.case_id for row in found.page(CaseFilter()).rows] == ["full", "jpeg", "no-film"]


def test_an_export_is_a_store_that_lost_nothing(store: EmbeddedCaseStore, tmp_path: Path) -> None:
    export(store, tmp_path / "out")
    found = EmbeddedCaseStore.open(str(tmp_path / "out"))
    for case_id in ("full", "jpeg", "no-film"):
        assert plain(found.get(case_id)) == plain(store.get(case_id))
        assert found.document(case_id)["thumbnail"] == store.document(case_id)["thumbnail"]
    assert found.document("jpeg")["film"]["bytes"] == FILM


def test_a_study_leaves_with_all_its_films(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path / "store") as store:
        store.put(study_case("study", films=4))
        store.put(full_case("one"))
    account = export(store, tmp_path / "out")
    assert account.films["with further films of its study"] == 1
    found = EmbeddedCaseStore.open(str(tmp_path / "out"))
    assert plain(found.get("study")) == plain(study_case("study", films=4))
    assert "further_films" not in found.document("one")


def test_datasets_loads_the_folder_as_it_is(store: EmbeddedCaseStore, tmp_path: Path) -> None:
    import datasets

    export(store, tmp_path / "out")
    found = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))["train"]
    assert isinstance(found.features["image"], datasets.Image)
    rows = {row["case_id"]: row for row in found}
    film = full_case().study.radiograph
    assert film is not None and np.array_equal(np.asarray(rows["full"]["image"]), film.pixels)
    assert np.array_equal(np.asarray(rows["jpeg"]["image"]), np.asarray(Image.open(io.BytesIO(FILM))))
    assert rows["no-film"]["image"] is None
    assert rows["jpeg"]["appearance"] == "Typical"
    full = json.loads(rows["full"]["document"])
    assert full["table"]["age"] == {"value": 63.5, "unit": "years"}
    box = {"reader": "Tiger", "label": "opacity", "box": [0.1, 0.25, 0.5, 0.125]}
    assert rows["full"]["regions"] == full["regions"] == [box] and not rows["jpeg"]["regions"]
    assert full["ratings"][0]["scale"] == "geographic extent"


def test_the_card_says_what_is_in_it(store: EmbeddedCaseStore, tmp_path: Path) -> None:
    export(store, tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] == "other" and "CC BY 4.0" in front["license_name"]
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "cases-*.parquet"}]
    assert front["size_categories"] == ["n<1K"]
    assert "3 cases of 2 known patients; 2 are synthetic." in text
    assert "| set-b | CC BY 4.0 | 1 |" in text
    assert "- Someone et al., some \\| where 2020. (1)" in text
    assert "| set-a | the licence does not let it be passed on (own copy) | 1 |" in text
    assert "| appearance | Typical | 3 |" in text and "| 12-bit PNG | 1 |" in text


def test_one_known_licence_is_named_as_the_hub_names_it(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path / "store") as filled:
        filled.put(small_case("a"))
    export(EmbeddedCaseStore.open(str(tmp_path / "store")), tmp_path / "out")
    assert "license: cc0-1.0\n" in (tmp_path / "out" / "README.md").read_text()


def test_filters_choose(store: EmbeddedCaseStore, tmp_path: Path) -> None:
    assert export(store, tmp_path / "a", CaseFilter(source="set-b")).cases == 1
    assert export(store, tmp_path / "b", CaseFilter(text="full")).cases == 1


def test_a_folder_that_holds_something_is_left_alone(store: EmbeddedCaseStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(CaseStoreError, match="name a new folder"):
        export(store, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["mine.txt"]


def test_a_full_disk_leaves_no_half_export(
    store: EmbeddedCaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(CaseStoreError, match="free some space"):
        patched.setattr(datasets.Dataset, "to_parquet", full)
        export(store, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert export(store, tmp_path / "out").cases == 3
    assert not (tmp_path / "out.partial").exists()


def test_a_broken_film_stays_behind_and_stops_no_other(tmp_path: Path) -> None:
    with MongoServer(tmp_path / "db") as server:
        name = f"export_{uuid.uuid4().hex}"
        with closing(MongoCaseStore.connect(server.uri, name, write=True)) as writer:
            for case_id in "abc":
                writer.put(small_case(case_id))
            writer._database[COLLECTION].insert_one(student_document("seed"))
            writer._database[COLLECTION].insert_one({**student_document("bad"), "image_data": "!!"})
        with closing(MongoCaseStore.connect(server.uri, name)) as store:
            account = export(store, tmp_path / "out")
    assert account.cases == 3
    assert account.left["seed", exporting.BROKEN] == 1
    assert sum(account.left.values()) == 2  # nobody said that students' films may leave


def test_many_cases_make_several_files(
    store: EmbeddedCaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ROWS_PER_FILE", 2)
    export(store, tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == ["README.md", "cases-00000.parquet", "cases-00001.parquet"]
    assert case_files.ROWS_PER_FILE == 500


def test_the_command(store: EmbeddedCaseStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "store")
    assert main(["--dry-run", "--store", place]) == 0
    assert json.loads(capsys.readouterr().out)["cases"] == 3
    assert not (tmp_path / "out").exists()
    assert main([str(tmp_path / "out"), "--store", place, "--source", "set-b"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"] == {"set-b (CC BY 4.0)": 1}
    assert main([str(tmp_path / "out"), "--store", place]) == 1
    assert "name a new folder" in capsys.readouterr().err
    assert main([str(tmp_path / "new"), "--store", str(tmp_path / "nowhere")]) == 1
    assert main([]) == 2


def test_findings_have_their_codes_on_the_card() -> None:
    account = Account("store")
    account.labels["findings", "Effusion"] += 2
    account.labels["appearance", "Typical"] += 1
    text = card(account, "ward")
    assert "| findings | Effusion (ICD-10-CM J90 Pleural effusion, not elsewhere classified) | 2 |" in text
    assert "| appearance | Typical | 1 |" in text
