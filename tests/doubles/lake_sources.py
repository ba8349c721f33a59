"""Published layouts in small: what the importers read, with made films and planted identifiers."""

import csv
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from cases.reading.dicom import encode_radiograph
from modeling.study import Radiograph, ViewPosition

NAME, MRN, SSN, PLACE, DOCTOR, BIRTH = (
    "KOWALCZYK", "MRN4477120", "078-05-1120", "Marienhospital", "Abernathy", "19610403",
)  # fmt: skip
PLANTED = (NAME, "Wilhelmina", MRN, "4477120", SSN, PLACE, DOCTOR, BIRTH, "1961-04-03", "jo@example.org")
"""What must not be found in anything that an import leaves behind."""


def pixels(seed: int, shape: tuple[int, int] = (96, 80)) -> np.ndarray:
    """(H, W) uint8: a soft chest-like shape with noise, so that two seeds never give one film."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    soft = 150 - 90 * np.exp(-((np.abs(columns) - 0.45) ** 2) / 0.06 - rows**2 / 0.5)
    return np.clip(soft + rng.normal(0, 6, shape), 0, 255).astype(np.uint8)


def jpeg(seed: int, shape: tuple[int, int] = (96, 80), quality: int = 85) -> bytes:
    """A gray JPEG film that names its patient in EXIF, in a comment and behind its end."""
    exif = Image.Exif()
    exif[0x010E] = f"{NAME} Wilhelmina {MRN}"
    file = io.BytesIO()
    Image.fromarray(pixels(seed, shape)).save(file, "JPEG", quality=quality, exif=exif, comment=MRN.encode())
    return file.getvalue() + NAME.encode()


def png(seed: int, shape: tuple[int, int] = (96, 80)) -> bytes:
    """A gray PNG film with a text chunk that names its patient."""
    info, file = PngInfo(), io.BytesIO()
    info.add_text("Patient", f"{NAME} {MRN}")
    Image.fromarray(pixels(seed, shape)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def with_text(film: np.ndarray, words: str, size: int = 18) -> np.ndarray:
    """A film with words burned in at its upper edge."""
    picture = Image.fromarray(film)
    place = (8, 8)
    ImageDraw.Draw(picture).text(place, words, font=ImageFont.load_default(size), fill=255)
    return np.asarray(picture)


def dicom(
    seed: int = 0,
    *,
    study: str = "1.2.3.4",
    patient: str = MRN,
    film: np.ndarray | None = None,
    age: float = 93,
    day: str = "20210314",
) -> bytes:
    """A DX film with identifiers in tags, a sequence, a private block and an overlay."""
    stored = (pixels(seed).astype(np.uint16) << 4) if film is None else film
    radiograph = Radiograph(stored, bits_stored=12, view_position=ViewPosition.AP)
    data = encode_radiograph(radiograph, case_id=patient, synthetic=False, sex="female", age=age)
    file = pydicom.dcmread(io.BytesIO(data))
    file.PatientName, file.PatientBirthDate = f"{NAME}^Wilhelmina", BIRTH
    file.StudyDate, file.StudyInstanceUID, file.AccessionNumber = day, study, "A4477120"
    file.SOPInstanceUID = f"{study}.{seed + 1}"
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
    file.InstitutionName, file.ReferringPhysicianName = PLACE, f"{DOCTOR}^Henry"
    file.StudyDescription = f"Chest of {NAME}"
    file.AdditionalPatientHistory = f"Known to Dr. {DOCTOR}, SSN {SSN}"
    inner = pydicom.Dataset()
    inner.PatientID, inner.ReasonForTheRequestedProcedure = MRN, f"{NAME}: cough"
    file.RequestAttributesSequence = [inner]
    file.private_block(0x0011, "ACME", create=True).add_new(1, "LO", f"{NAME} private")
    file.add_new(0x60000010, "US", 1)
    file.add_new(0x60003000, "OW", NAME.encode().ljust(10, b" "))
    stream = io.BytesIO()
    file.save_as(stream)
    return stream.getvalue()


def write_csv(path: Path, lines: list[dict[str, object]]) -> None:
    """A table with the columns of its first line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def siim(root: Path, films: int, *, broken: tuple[int, ...] = (), shape: tuple[int, int] = (96, 80)) -> Path:
    """The challenge's two tables and JPEG films; two films to a study."""
    columns = (
        "Negative for Pneumonia", "Typical Appearance", "Indeterminate Appearance", "Atypical Appearance",
    )  # fmt: skip
    images, studies = [], []
    (root / "train").mkdir(parents=True, exist_ok=True)
    for number in range(films):
        study = f"study{number // 2:05d}"
        images.append({"id": f"film{number:05d}_image", "boxes": "", "label": "", "StudyInstanceUID": study})
        if number % 2 == 0:
            studies.append(
                {"id": f"{study}_study", **{c: int(i == number // 2 % 4) for i, c in enumerate(columns)}}
            )
        data = jpeg(number, shape)
        if number in broken:
            data = data[: len(data) // 3]
        (root / "train" / f"film{number:05d}.jpg").write_bytes(data)
    write_csv(root / "train_image_level.csv", images)
    write_csv(root / "train_study_level.csv", studies)
    return root


def openi(
    root: Path,
    reports: dict[str, tuple[list[str], dict[str, str]]],
    headings: dict[str, list[str]] | None = None,
) -> Path:
    """An archive of XML reports (id -> film ids and sections, MeSH major headings) with a PNG film for each
    film id."""
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / "NLMCXR_reports.tgz", "w:gz") as archive:
        for name, (films, sections) in reports.items():
            parts = "".join(
                f'<AbstractText Label="{label}">{words}</AbstractText>' for label, words in sections.items()
            )
            images = "".join(f'<parentImage id="{film}"/>' for film in films)
            majors = "".join(f"<major>{term}</major>" for term in (headings or {}).get(name, ()))
            mesh = f"<MeSH>{majors}</MeSH>"
            data = f'<eCitation><uId id="{name}"/>{parts}{mesh}{images}</eCitation>'.encode()
            member = tarfile.TarInfo(f"ecgen-radiology/{name}.xml")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
            for number, film in enumerate(films):
                (root / f"{film}.png").write_bytes(png(number + len(name)))
    return root


def mimic(root: Path) -> Path:
    """Two films of one study with labels of both labellers, a split and a report."""
    place = root / "files" / "p10" / "p10000032" / "s50414267"
    place.mkdir(parents=True)
    metadata = []
    for number, view in enumerate(("PA", "LATERAL")):
        (place / f"film-{number}.jpg").write_bytes(jpeg(number))
        metadata.append(
            {
                "dicom_id": f"film-{number}",
                "subject_id": "10000032",
                "study_id": "50414267",
                "ViewPosition": view,
            }
        )
    metadata.append({**metadata[0], "dicom_id": "film-missing"})
    place.with_suffix(".txt").write_text(
        " EXAMINATION:  CHEST\n\n INDICATION:  ___F with cough, seen by Dr. Abernathy on 3/14/2021.\n\n"
        " FINDINGS: \n \n No effusion.\n Heart size normal.\n\n IMPRESSION:\n No pneumonia.\n"
    )
    labels = {"subject_id": "10000032", "study_id": "50414267"}
    write_csv(root / "mimic-cxr-2.0.0-metadata.csv", metadata)
    write_csv(
        root / "mimic-cxr-2.0.0-chexpert.csv",
        [{**labels, "Edema": "1.0", "Pneumonia": "-1.0", "Pleural Effusion": "0.0", "Fracture": ""}],
    )
    write_csv(root / "mimic-cxr-2.0.0-negbio.csv", [{**labels, "Edema": "-1.0", "Pneumonia": ""}])
    write_csv(
        root / "mimic-cxr-2.0.0-split.csv",
        [
            {"dicom_id": f"film-{n}", "study_id": "50414267", "subject_id": "10000032", "split": "validate"}
            for n in (0, 1)
        ],
    )
    return root


def ricord_annotations(
    root: Path, csv_lines: list[dict[str, str]], labels: list[tuple[str, str, str]]
) -> None:
    """Both annotation files in their published forms; `labels` are (study, reader, label name) for MD.ai."""
    root.mkdir(parents=True, exist_ok=True)
    write_csv(root / "1c_annotations.csv", csv_lines)
    groups = sorted({reader for _, reader, _ in labels})
    names = sorted({name for _, _, name in labels})
    project = {
        "labelGroups": [
            {
                "name": group,
                "labels": [
                    {"id": f"L_{group}_{name}", "name": name, "shortName": name.split()[0]} for name in names
                ],
            }
            for group in groups
        ],
        "datasets": [
            {
                "annotations": [
                    {"labelId": f"L_{reader}_{name}", "StudyInstanceUID": study}
                    for study, reader, name in labels
                ]
            }
        ],
    }
    (root / "1c_mdai_annotations.json").write_text(json.dumps(project))
