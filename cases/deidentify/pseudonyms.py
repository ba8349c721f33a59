"""Pseudonyms and shifted dates: what takes the place of a name, a number and a day.

A pseudonym is a keyed hash (HMAC-SHA-256, FIPS 198-1) under a salt that is kept outside the lake: who has
the lake but not the salt can neither reverse it nor try names out. The same salt gives the same pseudonyms,
so films of one patient stay together over many imports.
"""

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from modeling.errors import StudyError

SALT_BYTES = 32
FIRST_RADIOGRAPH = date(1895, 11, 8)
"""The day of the discovery (Röntgen 1895): an earlier date stands for none."""
MAX_SHIFT_DAYS = 3650


@dataclass(frozen=True)
class Pseudonymiser:
    """Keyed pseudonyms; the salt is never shown, logged or stored with a case."""

    salt: bytes = field(repr=False)

    @classmethod
    def from_file(cls, path: Path) -> "Pseudonymiser":
        """The salt in a file, made with a new random one where it is not there.

        Raises StudyError: the file cannot be read or made, or holds less than 16 bytes.
        """
        try:
            if not path.exists():
                path.touch(mode=0o600, exist_ok=False)
                path.write_text(secrets.token_hex(SALT_BYTES) + "\n")
            salt = path.read_bytes().strip()
        except OSError as exc:
            no_file = "The salt file '{path}' cannot be used; name one you may write."
            raise StudyError(no_file, path=path.name) from exc
        if len(salt) < 16:
            too_short = "The salt file '{path}' holds less than 16 bytes; name another file."
            raise StudyError(too_short, path=path.name)
        return cls(salt)

    def pseudonym(self, kind: str, value: str) -> str:
        """16 hexadecimal digits for a value; the same value of another kind gets others."""
        return self._digest(kind, value).hex()[:16]

    def uid(self, value: str) -> str:
        """A DICOM UID under 2.25 (PS3.5 B.2) that takes the place of this one everywhere."""
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', value)[:16], version=4).int}"

    def shift(self, patient: str) -> int:
        """Days, 1 to `MAX_SHIFT_DAYS`, that all dates of a patient move into the past: intervals stay."""
        draw = int.from_bytes(self._digest("days", patient)[:8], "big")
        return 1 + draw % MAX_SHIFT_DAYS

    def shifted(self, day: date, patient: str) -> date:
        """A day of this patient, moved by the patient's shift; never before the year 1."""
        return date.fromordinal(max(1, day.toordinal() - self.shift(patient)))

    def _digest(self, kind: str, value: str) -> bytes:
        message = f"{kind}\0{value}".encode("utf-8", "surrogateescape")
        return hmac.new(self.salt, message, hashlib.sha256).digest()


def written_day(value: str) -> date | None:
    """A date as DICOM and tables write it (20210314, 2021-03-14), with or without a time behind it."""
    digits = re.sub(r"[.\-/]", "", value.strip())[:8]
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        return None


def day_number(value: str) -> int | None:
    """A written date as a number of days, whose differences alone mean something; None where it is none."""
    day = written_day(value)
    return day.toordinal() if day is not None and day >= FIRST_RADIOGRAPH else None
