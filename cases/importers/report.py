"""The report of an import: counted while it runs, told at its end, in words and as JSON."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from cases.importers.films import Outcome
from cases.importers.rows import Dropped, Row

NAMED = 20
"""Rows that are named for each reason; all are counted."""


@dataclass
class ImportReport:
    """Counts over all rows of the source, those that were stored before included.

    Attributes:
        new, changed, same: cases by what the store had before; `same` ones were not read further.
        read: films that were decoded this time: `missing` and `personal` are counted on these.
        left_out: films of whole studies that hold as many as a case may.
        notices: what the layout had to say of the source as a whole.
        stopped: why the import ended before its last row, or "".
    """

    layout: str
    store: str
    rows_in: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    held: int = 0
    read: int = 0
    left_out: int = 0
    seconds: float = 0.0
    stopped: str = ""
    notices: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_rows: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    held_rows: list[str] = field(default_factory=list)
    licences: Counter[str] = field(default_factory=Counter)
    not_shown: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    personal: Counter[str] = field(default_factory=Counter)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    duplicate_films: int = 0
    _patients: set[str] = field(default_factory=set, repr=False)
    _first_with: dict[bytes, str] = field(default_factory=dict, repr=False)

    @property
    def rows_out(self) -> int:
        """Rows whose case is in the store now."""
        return self.new + self.changed + self.same

    def drop(self, row: Dropped) -> None:
        """A row that is not stored, and why."""
        self.dropped[row.reason] += 1
        if len(self.dropped_rows[row.reason]) < NAMED:
            self.dropped_rows[row.reason].append(row.row)

    def take(self, row: Row, result: Outcome) -> None:
        """Count what became of a row; stored ones are counted when they are stored."""
        if result.state == "dropped":
            self.drop(Dropped(row.case_id, result.reason))
            return
        self.personal.update(result.personal)
        self.read += result.films * (result.state != "same")
        self.left_out += result.left_out
        if result.state == "held":
            self.held += 1
            self.held_rows += [row.case_id] if self.held <= NAMED else []
            return
        self.licences[row.licence.name] += 1
        self.not_shown += not row.licence.may_show
        self._patients.add(row.patient)
        first = self._first_with.setdefault(bytes.fromhex(result.film), row.case_id)
        if first != row.case_id:
            self.duplicate_films += 1
            self.duplicates += [tuple(sorted((first, row.case_id)))] if self.duplicate_films <= NAMED else []
        self.same += result.state == "same"
        self.missing.update(result.missing)

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "layout": self.layout,
            "store": self.store,
            "stopped": self.stopped or None,
            "rows": {"in": self.rows_in, "out": self.rows_out, "dropped": sum(self.dropped.values())},
            "cases": {"new": self.new, "changed": self.changed, "same": self.same},
            "dropped": {
                reason: {"rows": count, "first": self.dropped_rows[reason]}
                for reason, count in self.dropped.most_common()
            },
            "held_back": {"rows": self.held, "first": self.held_rows},
            "duplicates": {"films": self.duplicate_films, "first": self.duplicates},
            "patients": len(self._patients - {""}),
            "licences": dict(self.licences.most_common()),
            "not_shown_by_licence": self.not_shown,
            "films_read": self.read,
            "films_left_out_of_studies": self.left_out,
            "missing_of_films_read": dict(self.missing.most_common()),
            "personal_data_in_films_read": dict(self.personal.most_common()),
            "notices": self.notices,
            "seconds": round(self.seconds, 2),
            "films_per_second": round(self.read / self.seconds, 2) if self.seconds else None,
        }

    def as_text(self) -> str:
        """The report as lines for a terminal."""
        dropped, patients = sum(self.dropped.values()), len(self._patients - {""})
        lines = [
            f"{self.layout} -> {self.store}",
            f"rows      {self.rows_in:,} in, {self.rows_out:,} in the store, {dropped:,} dropped,"
            f" {self.held:,} held back",
            f"cases     {self.new:,} new, {self.changed:,} changed, {self.same:,} as they were",
            f"patients  {patients:,}",
            f"speed     {self.read:,} films read in {self.seconds:.1f} s",
        ]
        for reason, count in self.dropped.most_common():
            lines.append(f"dropped   {count:,}: {reason}  ({_some(self.dropped_rows[reason], count)})")
        if self.held:
            advice = "look at them, then import with --burned-text allow or mask"
            lines += [f"held      {self.held:,}: {advice}", f"          ({_some(self.held_rows, self.held)})"]
        if self.duplicate_films:
            pairs = [" = ".join(pair) for pair in self.duplicates]
            lines.append(f"same film {self.duplicate_films:,}: {_some(pairs, self.duplicate_films)}")
        if self.left_out:
            lines.append(f"left out  {self.left_out:,} films of cases that hold as many as they may")
        groups = {"licence": self.licences, "missing": self.missing, "personal": self.personal}
        for name, counts in groups.items():
            lines += [f"{name:<9} {count:,}: {what}" for what, count in counts.most_common()]
        if self.not_shown:
            lines.append(f"licence   {self.not_shown:,} films may not be shown to readers")
        lines += [f"notice    {text}" for text in self.notices]
        if self.stopped:
            lines.append(f"STOPPED   {self.stopped} Run the same command again to go on.")
        return "\n".join(lines)


def _some(names: list[str], count: int) -> str:
    shown = ", ".join(names[:5])
    return f"{shown}, ..." if count > 5 else shown
