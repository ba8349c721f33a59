"""Bring your own, from end to end by everybody's doors: data and weights in, a published model out.

S2 is a Swin-T and a BERT joined by cross-attention on films with reports; S1 an EfficientNet-B0 and a table
joined by a product on a RICORD tree. Both are the true architectures with random weights from a loopback Hub.
"""

import base64
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client
from PIL import Image

from cases.open_store import open_case_store
from cases.store import CaseFilter
from evaluation import gate, leak_audit
from hub_config.publishing import publish
from modeling.labels import Target
from modeling.pipeline import DiagnosisPipeline
from modeling.study import Modality
from tests.doubles import lake_sources as made
from tests.doubles.app_client import connect, wait_for_model
from tests.doubles.hub_server import LoopbackHub, point_clients_at
from tests.doubles.served import serve
from tests.training.test_initial_weights import bert_files, timm_files
from training.preparation import SPECIAL_TOKENS
from viewbox.command import main

pytestmark = pytest.mark.slow
SIDE, STUDIES = 64, 30
FIRST = 95  # of the reports: with these numbers each side of the split shows every label
HEADINGS = ("Pleural Effusion", "Cardiomegaly", "normal")
SAID = ("There is a large pleural effusion.", "The heart is enlarged.", "The lungs are clear.")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pictures that the gate is to stop, small forests, and no ONNX, which has tests of its own."""
    monkeypatch.setattr(publish, "film_branch_files", lambda _: {})
    monkeypatch.setattr(gate, "TAUGHT", {"made": 4, "noise": 4, "photographs": 4, "cuts": 6})
    monkeypatch.setattr(gate, "MADE_FROM", 2)
    monkeypatch.setattr(leak_audit, "TREES", 10)
    monkeypatch.setattr(leak_audit, "SHUFFLES", 2)
    for of_nobody in ("_phantoms", "other_pictures"):
        monkeypatch.setattr(gate, of_nobody, list)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        point_clients_at(server, monkeypatch, tmp_path)
        monkeypatch.setenv("HF_TOKEN", "hf_any")
        yield server


def viewbox(*arguments: object) -> None:
    assert main([str(argument) for argument in arguments]) == 0


def film(seed: int) -> np.ndarray:
    """(96, 80) uint8: soft patches, so that no two seeds give nearly the same film."""
    cells = np.random.default_rng(seed).integers(0, 255, (12, 10), dtype=np.uint8)
    return np.asarray(Image.fromarray(cells).resize((80, 96), Image.Resampling.BICUBIC))


def openi_tree(root: Path, studies: int) -> Path:
    """Films with reports and index terms, as Open-i publishes them."""
    reports = {
        f"CXR{n}": (
            [f"CXR{n}_IM-{n:04d}"],
            {"INDICATION": f"Cough for {n} days.", "FINDINGS": SAID[n % 3], "IMPRESSION": "As described."},
        )
        for n in range(FIRST, FIRST + studies)
    }
    made.openi(root, reports, {name: [HEADINGS[n % 3]] for n, name in enumerate(reports, FIRST)})
    for n, (films, _) in enumerate(reports.values()):
        Image.fromarray(film(n)).save(root / f"{films[0]}.png")
    return root


def pieces_of(*texts: str) -> list[str]:
    """A WordPiece vocabulary of whole words and of every letter, in the order of `vocab.txt`."""
    words = sorted({word for text in texts for word in text.lower().replace(".", " .").split()})
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return list(dict.fromkeys([*SPECIAL_TOKENS, *words, *letters, *(f"##{c}" for c in letters)]))


def trained_and_published(hub: LoopbackHub, folder: Path, repo: str, settings: Mapping[str, Any]) -> str:
    """Settings file -> training -> card -> repo; the commit to pin."""
    file, run = folder / "settings.json", folder / "run"
    file.write_text(json.dumps(settings))
    read = ("--config", file, "--data", folder / "data", "--out", run)
    viewbox("train", *read, "--dry-run")
    viewbox("train", *read, "--cache", folder / "films")
    viewbox("cards", "--checkpoint", run / "checkpoint", "--data", folder / "data")
    viewbox("publish", "model", "--repo", repo, "--folder", run / "checkpoint")
    return str(hub.resolve(repo, "main"))


def says_what_it_is(card: str, *said: str) -> None:
    assert all(one in card for one in said), card
    assert "viewbox-checkpoint" not in card and 'from_pretrained("ward/' in card


@contextmanager
def opened(hub: LoopbackHub, folder: Path, repo: str, commit: str, store: Path) -> Iterator[Client]:
    """A caller of the app, which pulls the commit of a repo and shows the cases of a store."""
    where = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home"), "HF_TOKEN": "hf_any"}
    named = {"MODEL_REPO": repo, "MODEL_REVISION": commit, "CASES_FOLDER": str(store)}
    with serve(folder / "page", **where, **named) as served:
        client = connect(served)
        assert wait_for_model(client)["phase"] == "ready"
        yield client
        assert "Traceback" not in served.log.read_text()


def test_a_swin_and_a_bert_joined_by_attention_on_films_with_reports(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    swin = hub.commit("ward/swin", timm_files("swin_tiny_patch4_window7_224"))
    hub.commit("ward/bert", bert_files(pieces_of(*SAID, "As described.")))
    tree, store = openi_tree(tmp_path / "openi", STUDIES), tmp_path / "data" / "openi"
    viewbox("import", "openi", tree, "--store", store, "--write", "--quiet", "--workers", 1)
    settings = {
        "name": "s2",
        "corpora": ["openi"],
        "model": {
            "tasks": [{"name": "findings", "modalities": ["image", "text"]}],
            "image": {"name": "swin_tiny_patch4_window7_224"},
            "text": {"transformers": {"model_type": "bert"}},
            "fusion": "cross_attention",
            "feed_forward": True,
            "width": 16,
            "sources": ["openi"],
        },
        "processor": {
            "image": {"size": SIDE},
            "text": {"sections": ["findings", "impression"], "max_tokens": 32},
        },
        "initial_weights": {
            "image": f"hf_hub:ward/swin@{swin}",
            "text": {"weights": "ward/bert", "licence": "mit"},
        },
        "learning": {"image": {"rate": 0.1}},
        "epochs": 1,
        "batch_size": 8,
        "focal_gamma": 2.0,
        "contrastive_weight": 0.1,
        "unseen": "allow",
        "half_precision": True,
    }
    commit = trained_and_published(hub, tmp_path, "ward/s2", settings)
    says_what_it_is(
        hub.repos["ward/s2"][commit]["README.md"].decode(),
        "`swin_tiny_patch4_window7_224` of timm (base model ward/swin, licence cc-by-4.0)",
        "a BERT (2 layers of width 16; ",
        " WordPiece pieces; base model ward/bert, licence mit), joined by cross-attention.",
        "Post-read: it reads what the radiologist wrote",
    )
    pipeline = DiagnosisPipeline.from_pretrained("ward/s2", revision=commit)
    assert pipeline.origin.pinned and pipeline.text_sections == ("findings", "impression")
    with opened(hub, tmp_path, "ward/s2", commit, store) as client:
        rows = client.predict(limit=10, api_name="/list_cases")["cases"]
        case = next(row["case_id"] for row in rows if row["reference"] == {"findings": "Effusion"})
        answer = client.predict(case, api_name="/predict")
        assert answer["checkpoint"] == {"name": "ward/s2", "revision": commit}
        assert answer["tasks"]["findings"]["modalities"] == ["image", "text"]
        account = explained(client, case, "findings/Effusion")
        words = [word["word"] for word in account["words"]]
        assert words[:6] == ["There", "is", "a", "large", "pleural", "effusion"]
        assert any(word["attribution"] for word in account["words"])
        looks_both_ways(client, case, words)
        finds_similar_cases(client, case)


def explained(client: Client, case: str, target: str) -> Any:
    """Integrated Gradients of a case: the account adds up, and its map is of numbers."""
    account = client.predict(case, target, api_name="/explain")
    assert account["method"] == "integrated_gradients" and account["relative_delta"] < 0.05
    shares = account["modality_share"]
    assert sum(share["logits"] for share in shares.values()) == pytest.approx(
        account["output"] - account["baseline_output"] + account["convergence_delta"], abs=1e-5
    )
    assert np.ptp(np.load(io.BytesIO(base64.b64decode(account["map"])))) > 0
    return account


def looks_both_ways(client: Client, case: str, words: list[str]) -> None:
    """Where the words look on the film, and at which words the film's places look."""
    asked = (case, "findings/Effusion", "attention")
    seen = client.predict(*asked, api_name="/second_opinion")
    assert seen["heat_map"].startswith("data:image/png")
    assert [one["name"] for one in seen["looked_at"]] == words
    shares = [one["share"] for one in seen["looked_at"]]
    assert min(shares) > 0 and sum(shares) < 1, "[CLS] and [SEP] get the rest"


def finds_similar_cases(client: Client, case: str) -> None:
    """By the film, by the text, by both: each by what was asked for alone, and the text finds its like."""
    for image, text in ((1, 0), (0, 1), (1, 1)):
        weights = {"image": image, "table": 0, "text": text}
        found = client.predict(case, 5, **weights, api_name="/similar_cases")
        assert found["compared"] == STUDIES and len(found["similar"]) == 5
        asked = {name for name, weight in weights.items() if weight}
        assert all(set(one["by_modality"]) == asked for one in found["similar"])
        if not image:
            assert all(one["text"]["findings"] == SAID[0] for one in found["similar"])


GRADES = ("Mild", "Moderate", "Severe")


def ricord_tree(root: Path, studies: int) -> Path:
    """DICOM films with two readers' annotations and a clinical sheet, as RICORD publishes them."""
    root.mkdir()
    lines, labels, sheet = [], [], []
    for n in range(studies):
        study, patient = f"1.2.3.{n + 1}", f"SITE1-{n:06d}"
        appearance = ("Negative", "Typical", "Indeterminate", "Atypical")[n % 4]
        line = {"Anon MRN": patient, "Anon TCIA Study Date": "", "Anon Sex": "F", "StudyInstanceUID": study}
        grade = GRADES[n // 4 % 3] if n % 4 else ""
        lines += [
            {**line, "Reader_name": reader, "CLASS_label": appearance, "GRADE_label": grade}
            for reader in ("Bear", "Tiger")
        ]
        labels.append((study, "Bear", "Typical Appearance" if n % 4 == 1 else "Negative for Pneumonia"))
        sheet.append({"Anon MRN": patient, "Anon Age": 40 + n, "Anon Sex": "FM"[n % 2], "Result": "Positive"})
        stored = film(n).astype(np.uint16) << 4
        named = {"study": study, "patient": f"MIDRC-RICORD-1C-{patient}", "film": stored}
        (root / f"{n}.dcm").write_bytes(made.dicom(n, **named))
    made.ricord_annotations(root, lines, labels)
    made.write_csv(root / "MIDRC-RICORD-1C-Clinical-Data.csv", sheet)
    return root


def test_an_efficientnet_and_a_table_joined_by_a_product_on_a_ricord_tree(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.commit("ward/net", timm_files("efficientnet_b0"))
    tree, store = ricord_tree(tmp_path / "ricord", STUDIES), tmp_path / "data" / "ricord"
    viewbox("import", "ricord", tree, "--store", store, "--write", "--quiet", "--workers", 1)
    fields = ("age", "sex", "rt_pcr", "view_position")
    tasks = [{"name": task, "modalities": ["image", "table"]} for task in ("appearance", "grading")]
    settings = {
        "name": "s1",
        "corpora": ["ricord"],
        "model": {
            "tasks": tasks,
            "image": {"name": "efficientnet_b0"},
            "table": {"field_width": 4, "hidden": 8},
            "fusion": "product",
            "width": 16,
            "sources": ["ricord"],
        },
        "processor": {"image": {"size": SIDE}, "table": [{"name": name} for name in fields]},
        "initial_weights": {"image": "hf_hub:ward/net"},
        "epochs": 1,
        "batch_size": 8,
        "unseen": "allow",
    }
    commit = trained_and_published(hub, tmp_path, "ward/s1", settings)
    says_what_it_is(
        hub.repos["ward/s1"][commit]["README.md"].decode(),
        "`efficientnet_b0` of timm (base model ward/net, licence cc-by-4.0)",
        "a table of 4 clinical fields, joined by an element-wise product.",
    )
    pipeline = DiagnosisPipeline.from_pretrained("ward/s1", revision=commit)
    assert [str(target.task) for target in pipeline.targets] == ["appearance"] * 4 + ["grading"] * 3
    assert tuple(field.name for field in pipeline.fields) == fields
    cases = open_case_store(str(store))
    case = cases.get(cases.page(CaseFilter(), limit=1).rows[0].case_id)
    answers = pipeline.predict(case.study).tasks
    for answer, name in zip(answers, ("Typical", "Severe"), strict=True):
        assert answer.modalities == (Modality.IMAGE, Modality.TABLE)
        *_, account = pipeline.explain(case.study, Target(answer.task, name))
        assert account.relative_delta < 0.05 and np.ptp(account.image) > 0
        told = {field.name: field.attribution for field in account.fields}
        assert tuple(told) == fields and any(told.values()) and not account.words
