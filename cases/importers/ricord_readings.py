"""The readings of MIDRC-RICORD-1c: both annotation files, every reader, and the majority (Tsai et al. 2021).

The CSV file holds a line for each reader and study; the MD.ai file holds one annotation for each label, also
"Invalid Study", which the CSV file leaves out. A reader's reading stands once. The majority counts one vote
for each reader who gave a single class; a tie is settled by the adjudicating radiologist where there is one,
else the study has no reference label.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cases.importers.tables import csv_rows
from modeling.errors import StudyError
from modeling.labels import APPEARANCE, GRADING, TaskName

ADJUDICATOR = "Adjudication"
INVALID = "Invalid Study"
Reading = tuple[str, TaskName, str]


@dataclass
class StudyReadings:
    """What the readers said of one study.

    Attributes:
        patient: the pseudonym that TCIA gave; "" where only the MD.ai file names the study.
        sex, date: as the CSV file states them.
        invalid: readers who marked the study as invalid.
    """

    patient: str = ""
    sex: str = ""
    date: str = ""
    readings: set[Reading] = field(default_factory=set)
    invalid: set[str] = field(default_factory=set)

    def majority(self) -> dict[TaskName, str]:
        """The reference labels; a negative study has no grading."""
        found = {}
        for task in (TaskName.APPEARANCE, TaskName.GRADING):
            label = majority_of(self.readings, task)
            if label is not None:
                found[task] = label
        if found.get(TaskName.APPEARANCE) == "Negative":
            found.pop(TaskName.GRADING, None)
        return found


def majority_of(readings: Iterable[Reading], task: TaskName) -> str | None:
    """The class that most readers gave, or None where they tie and nobody adjudicated."""
    by_reader: dict[str, set[str]] = defaultdict(set)
    for reader, its_task, label in readings:
        if its_task == task:
            by_reader[reader].add(label)
    votes = Counter(next(iter(labels)) for labels in by_reader.values() if len(labels) == 1)
    if not votes:
        return None
    (first, most), *others = votes.most_common()
    if not others or most > others[0][1]:
        return first
    settled = by_reader.get(ADJUDICATOR, set())
    return next(iter(settled)) if len(settled) == 1 else None


def study_readings(csv_file: Path, json_file: Path) -> dict[str, StudyReadings]:
    """Study instance UID -> its readings, from both files.

    Raises:
        StudyError: a file cannot be read or has another form.
    """
    found: dict[str, StudyReadings] = defaultdict(StudyReadings)
    needed = ("Anon MRN", "StudyInstanceUID", "Reader_name", "CLASS_label", "GRADE_label")
    for line in csv_rows(csv_file, needed):
        study = found[line["StudyInstanceUID"]]
        study.patient, study.sex = line["Anon MRN"], line.get("Anon Sex", "")
        study.date = line.get("Anon TCIA Study Date", "")
        for column, classes, task in (
            ("CLASS_label", APPEARANCE.classes, TaskName.APPEARANCE),
            ("GRADE_label", GRADING.classes, TaskName.GRADING),
        ):
            if line[column] in classes:
                study.readings.add((line["Reader_name"], task, line[column]))
    try:
        _add_annotations(json.loads(json_file.read_text(encoding="utf-8")), found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise StudyError(
            "The annotations '{json_file}' cannot be read; fetch them again.", json_file=json_file.name
        ) from exc
    return dict(found)


def _add_annotations(project: Mapping[str, Any], found: dict[str, StudyReadings]) -> None:
    """Labels belong to groups, one group for each reader."""
    labels = {
        label["id"]: (group["name"], label["shortName"], label["name"])
        for group in project["labelGroups"]
        for label in group["labels"]
    }
    for dataset in project["datasets"]:
        for annotation in dataset["annotations"]:
            reader, short, name = labels[annotation["labelId"]]
            study = found[annotation["StudyInstanceUID"]]
            if short in APPEARANCE.classes:
                study.readings.add((reader, TaskName.APPEARANCE, short))
            elif short in GRADING.classes:
                study.readings.add((reader, TaskName.GRADING, short))
            elif name == INVALID:
                study.invalid.add(reader)
