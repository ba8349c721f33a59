"""A drill or a study for teaching can be opened, linked to and packed, though no store holds it."""

import time
from pathlib import Path

import pytest

from cases.open_store import open_case_store
from cases.phantom.drills import Drills
from interface.models import stores as stores_module
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import KEPT, DrawnCases, StoreHost, drills_of
from modeling.errors import CaseNotFoundError
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.pipeline import DiagnosisPipeline
from tests.doubles.example_cases import plain

TEACHING = Path(__file__).resolve().parents[2] / "hub_config" / "checkpoints" / "teaching"


def loaded() -> DiagnosisPipeline:
    time.sleep(0.5)  # as a slow Hub
    return DiagnosisPipeline.from_pretrained(TEACHING)


@pytest.fixture
def models() -> Checkpoints:
    return Checkpoints([ModelHost(loaded, "teaching", ("phantom",))])


@pytest.fixture(scope="module")
def drills() -> Drills:
    return Drills.load(TEACHING, sha256_of(TEACHING / WEIGHTS_FILE))


@pytest.fixture
def stores(models: Checkpoints) -> StoreHost:
    return StoreHost(lambda: open_case_store(None), DrawnCases(models).find)


def test_a_drill_is_found_by_its_id_as_soon_as_its_checkpoint_is_there(stores, models, drills):
    drill = drills.drills[0]
    case = stores.case(drills.case_id(drill.index))
    assert models.hosts[0].state.phase == "ready", "it was waited for"
    assert case.reference["appearance"] == drill.truth
    assert stores.case(case.case_id) is case, "drawn once"


def test_what_is_no_drill_is_not_found_and_only_a_phantom_is_waited_for(stores, models, drills):
    with pytest.raises(CaseNotFoundError, match="CASE-1"):
        stores.case("CASE-1")
    assert models.hosts[0].state.phase == "waiting"
    unlisted = next(i for i in range(100) if i not in {drill.index for drill in drills.drills})
    for case_id in ("phantom-000000000000", drills.case_id(unlisted)):
        with pytest.raises(CaseNotFoundError, match=case_id):
            stores.case(case_id)


def test_a_checkpoint_that_cannot_be_loaded_has_no_drills():
    def failing() -> DiagnosisPipeline:
        raise OSError("gone")

    models = Checkpoints([ModelHost(failing, "teaching", ("phantom",))])
    assert DrawnCases(models).find("phantom-0123456789ab") is None


def test_no_more_stay_drawn_than_are_kept(models, drills, monkeypatch):
    assert len(drills.drills) <= KEPT, "all that ship"
    cases, drawn = DrawnCases(models), []
    monkeypatch.setattr(stores_module, "KEPT", 16)
    monkeypatch.setattr(Drills, "case", lambda _, index: drawn.append(index) or index)
    assert models.awaited(models.hosts[0]) and drills_of(models.hosts[0]) is not None
    ids = [drills.case_id(drill.index) for drill in drills.drills[:17]]
    for case_id in (*ids, ids[-1], ids[0]):
        cases.find(case_id)
    assert len(drawn) == 18, "the first had to be drawn again"


def test_a_study_for_teaching_is_drawn_where_no_store_holds_it(models):
    found = DrawnCases(models).find
    kept = open_case_store(None).get(f"{stores_module.STUDY}00000000520c")
    assert plain(found(kept.case_id)) == plain(kept)
    assert found(f"{stores_module.STUDY}000000000000") is None
    assert models.hosts[0].state.phase == "waiting", "no checkpoint is waited for"
