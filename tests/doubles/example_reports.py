"""Reports written for the tests, in the layouts that are read."""

import csv
import io
import tarfile
from pathlib import Path

from modeling.configuration import FusionConfig, ProcessorConfig, TextProcessing
from modeling.reports.rules import NORMAL
from modeling.reports.scoring import COMPARED
from training.masked_language import MaskedLanguage
from training.settings import TrainingSettings

SENTENCES = {
    "Effusion": "Small left pleural effusion.",
    "Cardiomegaly": "The heart is mildly enlarged.",
    "Atelectasis": "Basilar atelectasis.",
    "Pneumothorax": "Right apical pneumothorax.",
    "Nodule": "A nodule in the right upper lobe.",
}
DENIALS = "No pleural effusion, pneumothorax or focal consolidation. Lungs are clear."


def open_i_xml(report_id: str, findings: str, impression: str = "", headings: tuple[str, ...] = ()) -> str:
    """One report as Open-i publishes it."""
    majors = "".join(f"<major>{heading}</major>" for heading in headings)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="{report_id}"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION">Chest pain.</AbstractText>
<AbstractText Label="FINDINGS">{findings}</AbstractText>
<AbstractText Label="IMPRESSION">{impression}</AbstractText>
</Abstract></Article></MedlineCitation><MeSH>{majors}</MeSH></eCitation>"""


def corpus(number: int = 60) -> dict[str, tuple[str, str]]:
    """Report id -> (findings text, the finding that it affirms or `normal`)."""
    names = [*SENTENCES, NORMAL]
    reports = {}
    for place in range(number):
        name = names[place % len(names)]
        reports[f"CXR{place}"] = (SENTENCES.get(name, DENIALS) + f" Unchanged spine level{place % 7}.", name)
    return reports


def write_archive(path: Path, number: int = 60) -> Path:
    """The corpus as a `.tgz` of XML files."""
    with tarfile.open(path, "w:gz") as archive:
        for report_id, (text, name) in corpus(number).items():
            content = open_i_xml(report_id, text, headings=(name,)).encode()
            member = tarfile.TarInfo(f"reports/{report_id}.xml")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_gold(path: Path, number: int = 60, prefix: str = "") -> Path:
    """The corpus's gold labels."""
    with path.open("w", newline="") as lines:
        table = csv.DictWriter(lines, ["filename", *COMPARED])
        table.writeheader()
        for report_id, (_, name) in corpus(number).items():
            table.writerow({"filename": prefix + report_id, **{c: int(c == name) for c in COMPARED}})
    return path


INDEXED = {"Effusion": "Pleural Effusion/left", "Cardiomegaly": "Cardiomegaly/mild", NORMAL: "normal"}


def write_indexed_archive(folder: Path, number: int = 150) -> None:
    """An Open-i archive where the corpora look for it: a third of the reports with each of two findings."""
    (folder / "openi").mkdir()
    with tarfile.open(folder / "openi" / "NLMCXR_reports.tgz", "w:gz") as archive:
        for place in range(number):
            name = list(INDEXED)[place % len(INDEXED)]
            words = SENTENCES.get(name, DENIALS) + f" Spine level {place % 7}."
            content = open_i_xml(f"CXR{place}", words, headings=(INDEXED[name],)).encode()
            member = tarfile.TarInfo(f"CXR{place}.xml")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def toy_reports_settings(sections: tuple[str, ...], **changes: object) -> TrainingSettings:
    """A run on such reports that takes seconds."""
    text = {
        "model_type": "bert", "vocab_size": 120, "hidden_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 64,
    }  # fmt: skip
    model = {
        "tasks": [{"name": "findings", "modalities": ["text"]}],
        "text": {"transformers": text, "pooling": "max"},
        "width": 16,
        "sources": ["openi"],
    }
    values = {
        "unseen": "allow",  # a few reports name few findings
        "name": "toy", "corpora": ("openi",), "model": FusionConfig.from_json(model),
        "processor": ProcessorConfig(text=TextProcessing(sections, 64)),
        "masked_language": MaskedLanguage(epochs=2, batch_size=16, learning_rate=3e-3),
        "epochs": 15, "batch_size": 16, "learning_rate": 5e-3, "averaging": 0.8, "table_dropout": 0.0,
        "word_masking": 0.1, "keep": "last",
    }  # fmt: skip
    return TrainingSettings(**(values | changes))
