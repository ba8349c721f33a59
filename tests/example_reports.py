"""Reports written for the tests, in the layouts that are read."""

import csv
import io
import tarfile
from pathlib import Path

from modeling.reports.rules import NORMAL
from modeling.reports.scoring import COMPARED

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
