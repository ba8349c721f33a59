"""A study from files, and the checkpoints that ship."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cases.reading.study_upload import ReadStudy, given_films, study_of_films
from cases.reading.upload import read_upload, study_from_upload
from hub_config.settings import BUNDLED
from modeling.errors import CheckpointError, StudyError
from modeling.study import TEXT_SECTIONS, Radiograph, Study


def bundled(name: str = "film") -> Path:
    """The folder of a checkpoint that ships with Viewbox.

    Raises:
        CheckpointError: no checkpoint of that name ships.
    """
    names = sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))
    if name not in names:
        template = "No checkpoint '{name}' ships with Viewbox; choose one of {names}."
        raise CheckpointError(template, name=name, names=", ".join(names))
    return BUNDLED / name


def open_study(
    film: str | Path, table: Mapping[str, Any] | None = None, text: Mapping[str, str | None] | str = ""
) -> Study:
    """A study from a PNG, JPEG or DICOM file, as the page reads an upload.

    `table`: clinical field -> value, such as {"age": "63 years"}; `text`: section -> words.

    Raises:
        StudyError: the file is no chest film, or a value is no such field's.
    """
    data, name = _file(film)
    return study_from_upload(data, table=table or {}, text=_sections(text), name=name)


def open_films(
    films: Sequence[str | Path],
    views: Sequence[str] | None = None,
    days: Sequence[int | None] | None = None,
    *,
    table: Mapping[str, Any] | None = None,
    text: Mapping[str, str | None] | str = "",
) -> ReadStudy:
    """One patient's films, each from a PNG, JPEG or DICOM file, as one study for a `StudyPipeline`.

    A film that cannot be read is left out and named in `refused`.

    Args:
        views: one for each film, such as "lateral"; "" or none at all for what the files say.
        days: one for each film, before the study; None or none at all for what the files say.
        table, text: as of `open_study`.

    Raises:
        StudyError: the films make no study, none can be read, or a view, a day or a value is none.
    """

    def reader(film: str | Path) -> Callable[[], Radiograph]:
        return lambda: read_upload(*_file(film))

    names = [str(film)[:120].rpartition("/")[2] for film in films]
    given = given_films([reader(film) for film in films], names, views, days)
    return study_of_films(given, table=table, text=_sections(text))


def _sections(text: Mapping[str, str | None] | str) -> Mapping[str, str | None]:
    return {TEXT_SECTIONS[0]: text} if isinstance(text, str) else text


def _file(film: str | Path) -> tuple[bytes, str]:
    """What is in a file, and its name."""
    try:
        return Path(film).read_bytes(), Path(film).name
    except (OSError, TypeError, ValueError) as exc:
        unread = "'{file}' cannot be read; give a PNG, JPEG or DICOM file."
        raise StudyError(unread, file=str(film)[:120]) from exc


def table_of(given: str) -> dict[str, Any]:
    """Clinical values from JSON, or from a file that holds it, as a command line gives them.

    Raises:
        StudyError: it is neither.
    """
    if not given:
        return {}
    try:
        text = given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8")
        values = json.loads(text)
    except OSError as exc:
        template = "--table names no file that can be read: '{given}'; give a JSON object or its file."
        raise StudyError(template, given=given) from exc
    except ValueError as exc:
        raise StudyError('--table is not valid JSON; write it as {"age": 63, "sex": "female"}.') from exc
    if not isinstance(values, dict):
        raise StudyError('--table is not a JSON object; write it as {"age": 63, "sex": "female"}.')
    return values
