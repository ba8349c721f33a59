"""The contract of every case store, over the embedded store and MongoDB on a real TCP connection."""

import contextlib
import dataclasses
import io
import itertools
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pymongo
import pytest
from PIL import Image

import cases.document
from cases.case import Case, Licence, Reading
from cases.film_bytes import film_document, radiograph_from_film
from cases.mongo.store import MongoCaseStore
from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter, CaseStore
from modeling.errors import CaseNotFoundError, CaseStoreError
from modeling.labels import APPEARANCE, FINDINGS, NO_FINDING
from modeling.study import DatedFilm, Radiograph, Study
from tests.doubles.example_cases import (
    chest_like,
    full_case,
    in_order,
    jpeg,
    plain,
    small_case,
    student_document,
    study_case,
)
from tests.doubles.mongo_server import MongoServer

HOSTILE_IDS = (
    "$where",
    ".*",
    "^a|b",
    '{"$gt": ""}',
    "a.b.c",
    "../../etc/passwd",
    "Fall-ä-Ж-病例-☂",
    "𝒳-beyond-the-BMP",
    "%2e%2e",
    "a b",
    "'; DROP TABLE",
    "x" * 200,
    "7",
    "07",
    "10",
    "9",
)
FILTERS = [
    CaseFilter(*values)
    for values in itertools.product(
        (None, "set-a", "set|b", "*"),
        (None, "Typical", "Negative"),
        (None, "Severe"),
        (None, "1", "2$", "nothing"),
    )
]
LABELS = [
    (source, appearance, grading)
    for source in ("set-a", "set|b", "*")
    for appearance, grading in ((None, None), ("Typical", "Severe"), ("Negative", None), ("Typical", "Mild"))
]
Writer = EmbeddedCaseStore | MongoCaseStore
Fill = Callable[[list[Case]], CaseStore]


@pytest.fixture(scope="module")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """One server for this module; every store takes a database of its own."""
    with MongoServer(tmp_path_factory.mktemp("mongo")) as server:
        yield server


@pytest.fixture
def fill_embedded(tmp_path: Path) -> Fill:
    """Store cases in a folder and open it as the app does: for reading."""

    def fill(cases: list[Case]) -> CaseStore:
        with EmbeddedCaseStore.create(tmp_path / "cases") as store:
            for case in cases:
                store.put(case)
        return EmbeddedCaseStore(tmp_path / "cases")

    return fill


@pytest.fixture
def fill_mongo(mongo_server: MongoServer) -> Iterator[Fill]:
    """Store cases in a new database and open it as the app does: for reading."""
    with contextlib.ExitStack() as opened:

        def fill(cases: list[Case]) -> CaseStore:
            database = f"contract_{uuid.uuid4().hex}"
            with contextlib.closing(MongoCaseStore.connect(mongo_server.uri, database, write=True)) as writer:
                for case in cases:
                    writer.put(case)
            return opened.enter_context(
                contextlib.closing(MongoCaseStore.connect(mongo_server.uri, database))
            )

        yield fill


@pytest.fixture(params=["embedded", "mongo"])
def fill(request: pytest.FixtureRequest) -> Fill:
    """`fill_embedded`, then `fill_mongo`."""
    return request.getfixturevalue(f"fill_{request.param}")


def labelled_cases() -> list[Case]:
    ids = [f"{number:02d}" for number in range(1, 25)] + ["2$x", "2$y", "z-Ж", "Z"]
    return [
        small_case(case_id, source=source, appearance=appearance, grading=grading)
        for case_id, (source, appearance, grading) in zip(ids, itertools.cycle(LABELS), strict=False)
    ]


def passes(case: Case, where: CaseFilter) -> bool:
    """The filter's meaning, written down a second time."""
    wanted = {"appearance": where.appearance, "grading": where.grading}
    labels = {str(task): name for task, name in case.reference.items()}
    return (
        where.source in (None, case.provenance.source)
        and all(name is None or labels.get(task) == name for task, name in wanted.items())
        and case.case_id.startswith(where.text or "")
    )


def all_ids(store: CaseStore, where: CaseFilter, limit: int) -> list[str]:
    found, after = [], None
    while True:
        page = store.page(where, after, limit)
        assert len(page.rows) <= limit
        found += [row.case_id for row in page.rows]
        if page.next_after is None:
            return found
        assert page.next_after == page.rows[-1].case_id
        after = page.next_after


def test_labels_of_a_task_that_viewbox_does_not_know_are_kept(fill: Fill) -> None:
    case = small_case("own", appearance="Typical", grading="Mild")
    reference = {**case.reference, "tubes": "Tube|Line", "quality": "poor"}
    reading = Reading("R1", "tubes", "Drain: uncertain")
    kept = fill([dataclasses.replace(case, reference=reference, readings=(reading,))]).get("own")
    assert kept.reference == reference and kept.readings == (reading,)


def test_every_field_survives(fill: Fill) -> None:
    case = full_case()
    assert plain(fill([case]).get(case.case_id)) == plain(case)


def test_a_study_of_eight_films_survives_and_is_known_again(fill: Fill) -> None:
    case = study_case(films=8)
    store = fill([case, full_case()])
    assert plain(store.get(case.case_id)) == plain(case)
    assert {row.case_id: row.films for row in store.page(CaseFilter()).rows} == {
        case.case_id: 8,
        "phantom-1": 1,
    }
    told = list(store.several(["phantom-1", case.case_id]))
    assert [plain(found) for _, found in told] == [plain(full_case()), plain(case)]
    document = store.document(case.case_id)
    assert cases.document.digest(document) == cases.document.digest(cases.document.document_from_case(case))
    assert cases.document.film_size(document) == sum(
        len(film["bytes"]) for film in (document["film"], *document["further_films"])
    )


def test_large_further_films_survive_a_database_and_leave_with_their_case(mongo_server: MongoServer) -> None:
    rng = np.random.default_rng(0)
    large = DatedFilm(Radiograph(rng.integers(0, 65536, (900, 700), dtype=np.uint16), bits_stored=16), 12)
    case = dataclasses.replace(small_case("large"), further=(large,))
    database = f"contract_{uuid.uuid4().hex}"
    with contextlib.closing(MongoCaseStore.connect(mongo_server.uri, database, write=True)) as store:
        document = cases.document.document_from_case(case)
        assert store.put_documents([document]).new == 1
        assert store.put_documents([document]).same == 1
        assert "bytes" in document["further_films"][0]
        assert plain(store.get("large")) == plain(case)
        assert [plain(found) for _, found in store.several(["large"])] == [plain(case)]
        with pymongo.MongoClient(mongo_server.uri) as client:
            assert client[database]["films.files"].count_documents({}) == 1
            assert store.sweep(0.0).films == 0
            store.put(small_case("large"))
            assert client[database]["films.files"].count_documents({}) == 0


def test_films_that_no_study_can_hold_are_refused_in_one_sentence() -> None:
    case = study_case(films=3)
    lateral, prior = case.further
    later = dataclasses.replace(prior, days_before=-1)
    many = tuple(study_case(films=9).further)
    filmless = dataclasses.replace(case, study=Study(table=case.study.table))
    for wrong, words in (
        (dataclasses.replace(case, further=(lateral, later)), "Film 3 is of a day after the study"),
        (dataclasses.replace(case, further=(lateral, lateral)), "Films 2 and 3 are the same film"),
        (dataclasses.replace(case, further=many), "A study of 9 films is too large"),
        (filmless, "Further films need a first one"),
    ):
        with pytest.raises(CaseStoreError, match=words) as refused:
            cases.document.document_from_case(wrong)
        assert "\n" not in str(refused.value)


def test_further_films_are_decoded_once_when_they_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    document, decoded = cases.document.document_from_case(study_case()), []
    decode = cases.film_bytes._pixels
    monkeypatch.setattr(cases.film_bytes, "_pixels", lambda *film: decoded.append(1) or decode(*film))
    case = cases.document.case_from_document(document)
    assert len(decoded) == 1 and [film.days_before for film in case.films] == [0, 0, 30]
    assert [film.bytes for film in case.further] == [0, 0] and len(decoded) == 1
    assert case.further[0].radiograph.sha256 == study_case().further[0].radiograph.sha256
    assert case.further[0].radiograph is case.further[0].radiograph and len(decoded) == 2
    assert case.further[0].bytes == case.further[0].radiograph.pixels.nbytes and case.further[1].bytes == 0


def test_a_stored_study_with_a_broken_film_is_named() -> None:
    document = cases.document.document_from_case(study_case())
    for broken in ({"days_before": -3}, {"days_before": None}, {"sha256": "0"}):
        films = [document["further_films"][0] | broken, document["further_films"][1]]
        with pytest.raises(CaseStoreError, match="Case 'study-1' is broken in the store"):
            cases.document.case_from_document({**document, "further_films": films})


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_pixels_of_every_depth_survive(fill: Fill, dtype: str) -> None:
    info = np.iinfo(dtype)
    pixels = np.random.default_rng(1).integers(info.min, info.max + 1, (65, 70)).astype(dtype)
    pixels[0, :2] = info.min, info.max
    film = Radiograph(pixels, bits_stored=info.bits)
    found = fill([dataclasses.replace(small_case("depth"), study=Study(film))]).get("depth").study.radiograph
    assert found is not None
    assert plain(found) == plain(film) and found.sha256 == film.sha256


def test_a_case_without_a_film_survives(fill: Fill) -> None:
    case = dataclasses.replace(full_case("no-film"), study=Study(table=full_case().study.table))
    store = fill([case])
    assert plain(store.get("no-film")) == plain(case)
    assert store.page(CaseFilter()).rows[0].thumbnail is None


def test_lists_step_and_count_agree_with_the_filter(fill: Fill) -> None:
    cases = labelled_cases()
    store = fill(cases[::-1])
    for where in FILTERS:
        expected = in_order([case.case_id for case in cases if passes(case, where)])
        assert all_ids(store, where, 5) == expected, where
        assert store.count(where) == len(expected), where
        for before, following in itertools.pairwise([None, *expected, None]):
            if before is not None:
                assert store.step(before, "next", where) == following
            if following is not None:
                assert store.step(following, "previous", where) == before


def test_a_label_of_any_task_narrows_the_list_alone_and_with_the_others(fill: Fill) -> None:
    told = (
        {"exposure": "good", FINDINGS: "Mass|Edema", APPEARANCE: "Typical"},
        {"exposure": "poor", FINDINGS: "Mass", APPEARANCE: "Negative"},
        {"exposure": "good", "tubes": 'Tube "A"|Zugang ☂', APPEARANCE: "Typical"},
        {FINDINGS: NO_FINDING},
        {},
    )
    cases = [
        replace(small_case(f"{n:02d}", source=("set-a", "set|b")[n % 2]), reference=told[n % len(told)])
        for n in range(20)
    ]
    store, sources = fill(cases), (None, "set-a", "set|b")
    labels = ["exposure/good", "findings/Mass", "findings/Edema", f"findings/{NO_FINDING}"]
    labels += ['tubes/Tube "A"', "tubes/Zugang ☂", "exposure/goo", "appearance/Typical", "tubes/"]
    for label, source, appearance in itertools.product(labels, sources, (None, "Typical")):
        where = CaseFilter(source, appearance, label=label)
        task, _, name = label.partition("/")
        named = [c for c in cases if name and name in c.reference.get(task, "").split("|")]
        expected = [c.case_id for c in named if passes(c, CaseFilter(source, appearance))]
        assert all_ids(store, where, 3) == expected, where
        assert store.count(where) == len(expected)
        if expected:
            assert {store.random(where, seed) for seed in range(60)} == set(expected)
            assert store.step("", "next", where) == expected[0]
            assert store.step("zz", "previous", where) == expected[-1]


def test_every_source_is_told_once_and_in_order(fill: Fill) -> None:
    rows = [("b-2", "siim"), ("a-1", "siim"), ("1", "nih"), ("c", 'set "x", o'), ("d", "Übung"), ("e", "[n")]
    store = fill([small_case(case_id, source=source, appearance="Typical") for case_id, source in rows])
    assert store.sources() == sorted({source for _, source in rows})


@pytest.mark.parametrize("limit", [1, 2, 27, 28, 29, 1000])
def test_paging_ends_once_whatever_the_size(fill: Fill, limit: int) -> None:
    cases = labelled_cases()
    assert all_ids(fill(cases), CaseFilter(), limit) == in_order([case.case_id for case in cases])


def test_whole_numbers_stand_by_value_however_they_are_written(fill: Fill) -> None:
    ids = [*map(str, range(1, 31)), "-3", "007", "1a", "20-b", "9" * 25, "b10", "b9", "#1", "-x"]
    store = fill([small_case(case_id) for case_id in ids[::-1]])
    numbers = ["-3", *map(str, range(1, 7)), "007", *map(str, range(7, 31)), "9" * 25]
    expected = ["#1", *numbers, "-x", "1a", "20-b", "b10", "b9"]
    assert in_order(ids) == expected
    for limit in (1, 4, 1000):
        assert all_ids(store, CaseFilter(), limit) == expected
    assert all_ids(store, CaseFilter(text="1"), 3) == ["1", *map(str, range(10, 20)), "1a"]
    for before, following in itertools.pairwise(expected):
        assert store.step(before, "next", CaseFilter()) == following
        assert store.step(following, "previous", CaseFilter()) == before
    assert store.step("31", "previous", CaseFilter()) == "30"
    assert store.step("31", "next", CaseFilter()) == "9" * 25
    assert store.step("1b", "previous", CaseFilter(text="1")) == "1a"


def test_stepping_from_an_id_that_is_not_there(fill: Fill) -> None:
    store = fill([small_case("b"), small_case("d")])
    assert store.step("c", "next", CaseFilter()) == "d"
    assert store.step("c", "previous", CaseFilter()) == "b"
    assert store.step("a", "previous", CaseFilter()) is None
    assert store.step("e", "next", CaseFilter()) is None


def test_random_repeats_for_a_seed_and_reaches_every_case(fill: Fill) -> None:
    cases = labelled_cases()
    store = fill(cases)
    wheres = (
        CaseFilter(),
        CaseFilter(source="set|b"),
        CaseFilter(text="2$"),
        CaseFilter(appearance="Typical"),
    )
    for where in wheres:
        passing = {case.case_id for case in cases if passes(case, where)}
        drawn = [store.random(where, seed) for seed in range(100)]
        assert drawn[:10] == [store.random(where, seed) for seed in range(10)]
        assert set(drawn) == passing
        assert max(Counter(drawn).values()) < 100 * 5 / len(passing)
    assert store.random(CaseFilter(source="none"), 1) is None


def test_a_seed_draws_the_same_case_from_either_store(fill_embedded: Fill, fill_mongo: Fill) -> None:
    stores = [fill_embedded(labelled_cases()), fill_mongo(labelled_cases())]
    for where in (CaseFilter(), CaseFilter(text="1"), CaseFilter(appearance="Negative")):
        embedded, mongo = ([store.random(where, seed) for seed in range(15)] for store in stores)
        assert embedded == mongo


def test_rows_carry_what_a_list_shows(fill: Fill) -> None:
    case = full_case()
    (row,) = fill([case]).page(CaseFilter()).rows
    assert (row.case_id, row.source, row.synthetic, row.licence) == (
        "phantom-1",
        "phantom",
        True,
        "CC0 1.0 (synthetic)",
    )
    assert row.reference == {"appearance": "Typical", "grading": "Moderate"}
    assert row.thumbnail is not None and row.thumbnail.startswith(b"\xff\xd8")


def test_a_film_that_may_not_be_shown_has_no_thumbnail(fill: Fill) -> None:
    case = small_case("secret", licence=Licence("no terms", may_show=False, may_export=False))
    store = fill([case])
    assert store.page(CaseFilter()).rows[0].thumbnail is None
    assert store.get("secret").licence == case.licence


def test_several_are_each_what_get_gives_and_those_not_there_are_left_out(fill: Fill) -> None:
    noise = np.random.default_rng(0).integers(0, 2**16, (900, 800), dtype=np.uint16)
    large = dataclasses.replace(small_case("large"), study=Study(Radiograph(noise, bits_stored=16)))
    store = fill([small_case("a"), full_case("b"), large, small_case("c")])
    asked = ["large", "c", "none", "b"]
    found = dict(store.several(asked))
    assert list(found) == ["large", "c", "b"]
    assert all(plain(case) == plain(store.get(case_id)) for case_id, case in found.items())
    assert list(store.several([])) == []


def test_several_read_small_films_with_one_question_and_name_the_broken_one(
    mongo_server: MongoServer,
) -> None:
    database, asked = f"several_{uuid.uuid4().hex}", []

    class Listener(pymongo.monitoring.CommandListener):
        def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
            asked.append(event.command_name)

        def succeeded(self, event: object) -> None: ...

        def failed(self, event: object) -> None: ...

    with contextlib.closing(MongoCaseStore.connect(mongo_server.uri, database, write=True)) as writer:
        for case_id in "abcd":
            writer.put(small_case(case_id))
    with pymongo.MongoClient(mongo_server.uri) as client:
        cases = client[database]["cases"]
        cases.update_one({"ID": "c"}, {"$set": {"film.sha256": "0"}})
        cases.insert_one(student_document("old", age=40))
    with pytest.MonkeyPatch.context() as patched:
        client = partial(pymongo.MongoClient, event_listeners=[Listener()])
        patched.setattr(pymongo, "MongoClient", client)
        store = MongoCaseStore.connect(mongo_server.uri, database)
    with contextlib.closing(store):
        found = dict(store.several(list("abcd")))
        assert asked.count("find") == 1
        assert [isinstance(found[case_id], CaseStoreError) for case_id in "abcd"] == [
            False,
            False,
            True,
            False,
        ]
        assert list(found) == list("abcd") and "Case 'c' is broken" in str(found["c"])
        assert [(i, case.case_id) for i, case in store.several(["old", "a"])] == [("old", "old"), ("a", "a")]


def test_an_unknown_id_is_named(fill: Fill) -> None:
    store = fill([small_case("one")])
    for case_id in ("two", "", "ONE", "on", "one ", "o.e", "5f43a1b2c3d4e5f6a7b8c9d0", "9" * 30, "a\nb"):
        with pytest.raises(CaseNotFoundError, match=r"There is no case '.*'; check the ID"):
            store.get(case_id)


def test_an_empty_store_answers(fill: Fill) -> None:
    store = fill([])
    assert store.page(CaseFilter()).rows == () and store.page(CaseFilter()).next_after is None
    assert store.count(CaseFilter()) == 0 and store.sources() == []
    assert store.random(CaseFilter(), 1) is None
    assert store.step("a", "next", CaseFilter()) is None
    with pytest.raises(CaseNotFoundError):
        store.get("a")


def test_ids_are_text_and_never_a_query(fill: Fill) -> None:
    store = fill([small_case(case_id, source=case_id) for case_id in HOSTILE_IDS])
    assert all_ids(store, CaseFilter(), 3) == in_order(HOSTILE_IDS)
    for case_id in HOSTILE_IDS:
        assert store.get(case_id).case_id == case_id
        assert all_ids(store, CaseFilter(source=case_id), 3) == [case_id]
        expected = in_order([other for other in HOSTILE_IDS if other.startswith(case_id)])
        assert all_ids(store, CaseFilter(text=case_id), 3) == expected


@pytest.mark.parametrize("bad", [{"$gt": ""}, 7, ["a"], "\ud800", b"a"])
def test_what_is_no_text_is_refused(fill: Fill, bad: object) -> None:
    store = fill([small_case("a")])
    for ask in (
        lambda: store.get(bad),
        lambda: store.page(CaseFilter(), after=bad),
        lambda: store.page(CaseFilter(source=bad)),
        lambda: store.count(CaseFilter(text=bad)),
        lambda: store.random(CaseFilter(grading=bad), 1),
        lambda: store.step(bad, "next", CaseFilter()),
    ):
        with pytest.raises(CaseStoreError, match="plain text"):
            ask()


@pytest.mark.parametrize("limit", [0, -1, 1001, 2.5])
def test_a_page_of_no_size_is_refused(fill: Fill, limit: int) -> None:
    with pytest.raises(CaseStoreError, match="1 to 1000"):
        fill([]).page(CaseFilter(), limit=limit)


def test_reading_only_means_it(fill: Fill) -> None:
    store = fill([small_case("a")])
    with pytest.raises(CaseStoreError, match="reading only"):
        store.put(small_case("b"))
    assert store.count(CaseFilter()) == 1


@pytest.fixture(params=["embedded", "mongo"])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Writer]:
    """A store open for writing."""
    if request.param == "embedded":
        with EmbeddedCaseStore.create(tmp_path / "cases") as embedded:
            yield embedded
        return
    server: MongoServer = request.getfixturevalue("mongo_server")
    mongo = MongoCaseStore.connect(server.uri, f"writing_{uuid.uuid4().hex}", write=True)
    yield mongo
    mongo.close()


def test_putting_a_case_again_replaces_it(writer: Writer) -> None:
    writer.put(small_case("a", appearance="Typical"))
    writer.put(small_case("b"))
    writer.put(small_case("a", source="later", appearance="Negative"))
    assert writer.count(CaseFilter()) == 2
    assert writer.count(CaseFilter(appearance="Typical")) == 0
    assert writer.get("a").provenance.source == "later"
    assert [row.source for row in writer.page(CaseFilter()).rows] == ["later", "set-a"]


@pytest.mark.parametrize("case_id", ["", "x" * 201, "a\nb", "tab\t", "\x00", "\U0010ffff"])
def test_an_id_no_store_could_keep_is_refused(writer: Writer, case_id: str) -> None:
    with pytest.raises(CaseStoreError, match="1 to 200 printable characters"):
        writer.put(small_case(case_id))
    assert writer.count(CaseFilter()) == 0


def test_the_film_file_is_kept_where_it_holds_the_same_pixels(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = jpeg(chest_like())
    pixels = np.array(Image.open(io.BytesIO(file)))
    kept: list[dict] = []
    original = cases.document.film_document
    monkeypatch.setattr(cases.document, "film_document", lambda r, f: kept.append(original(r, f)) or kept[-1])
    for case_id, shown in (("same", pixels), ("other", pixels[::-1].copy())):
        case = dataclasses.replace(small_case(case_id), study=Study(Radiograph(shown)))
        writer.put(case, film=file)
        found = writer.get(case_id).study.radiograph
        assert found is not None and np.array_equal(found.pixels, shown)
    assert [film["encoding"] for film in kept] == ["jpeg", "png"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_a_large_film_becomes_a_png_that_others_read(dtype: type) -> None:
    limits = np.iinfo(dtype)
    pixels = np.random.default_rng(4).integers(limits.min, limits.max, (1301, 977), dtype, endpoint=True)
    film = film_document(Radiograph(pixels, bits_stored=8 * pixels.itemsize))
    with Image.open(io.BytesIO(film["bytes"])) as picture:
        picture.verify()  # every checksum
    with Image.open(io.BytesIO(film["bytes"])) as picture:
        read = np.array(picture).astype(f"u{pixels.itemsize}").view(dtype)
    assert picture.format == "PNG" and np.array_equal(read, pixels)
    assert np.array_equal(radiograph_from_film(film).pixels, pixels)


def test_an_address_decides_which_store_opens(tmp_path: Path, mongo_server: MongoServer) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(small_case("a"))
    assert isinstance(open_case_store(str(tmp_path)), EmbeddedCaseStore)
    assert isinstance(open_case_store(mongo_server.uri), MongoCaseStore)
