"""Reports as vectors, and how their retrieval is measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from modeling.reports.embedding import ReportEncoder
from modeling.reports.report import Report
from tests.doubles.command import command
from tests.doubles.example_reports import corpus, write_archive
from training.retrieval_benchmark import benchmark, gains, headings_of, means, query_measures

main = command("retrieval")


def reports(number: int = 60) -> list[Report]:
    return [Report(name, {"findings": text}, (heading,)) for name, (text, heading) in corpus(number).items()]


def test_a_denied_finding_makes_no_resemblance() -> None:
    said, denied, other = (
        Report("said", {"findings": "Large right pneumothorax."}),
        Report("denied", {"findings": "No pneumothorax. Lungs are clear."}),
        Report("other", {"findings": "There is a moderate pneumothorax on the right."}),
    )
    rows = ReportEncoder().fit([said, denied, other, *reports()]).encode([said, denied, other])
    similarity = rows @ rows.T
    assert similarity[0, 2] > 0.5
    assert similarity[0, 1] < 0.1


def test_the_same_reports_have_the_same_vectors_of_length_one() -> None:
    first, second = (ReportEncoder().fit(reports()).encode(reports()) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.linalg.norm(first, axis=1) == pytest.approx(1)
    assert first.dtype == np.float32


def test_index_terms_do_not_enter_the_vectors() -> None:
    renamed = [Report(r.report_id, r.sections, ("Other/term",)) for r in reports()]
    assert np.array_equal(
        ReportEncoder().fit(reports()).encode(reports()), ReportEncoder().fit(renamed).encode(renamed)
    )


@pytest.mark.parametrize("text", ["", "XXXX XXXX.", "<p></p>", "肺野清晰。", "word " * 50_000])
def test_odd_reports_have_vectors_too(text: str) -> None:
    rows = (
        ReportEncoder()
        .fit([*reports(12), Report("odd", {"findings": text})])
        .encode([Report("odd", {"findings": text})])
    )
    assert np.isfinite(rows).all()
    alone = ReportEncoder().fit([Report("odd", {"findings": text})])
    assert np.isfinite(alone.encode(reports(6))).all()


def test_gain_is_the_overlap_of_headings() -> None:
    gain = gains([frozenset("ab"), frozenset("bc"), frozenset("d"), frozenset("ab")])
    assert gain[0] == pytest.approx([0, 1 / 3, 0, 1])
    assert np.array_equal(gain, gain.T)


def test_measures_by_hand() -> None:
    gain = np.zeros((5, 5), np.float32)
    gain[0] = [0, 0, 1.0, 0, 0.5]
    scores = np.zeros((5, 5))
    scores[0] = [9, 4, 3, 2, 1]  # itself first, then 1 (no), 2 (yes), 3 (no), 4 (half)
    got = {name: values[0] for name, values in query_measures(scores, gain).items()}
    assert got["precision_at_1"] == 0
    assert got["precision_at_5"] == pytest.approx(0.5)  # four candidates only
    assert got["average_precision"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    reached = 1 / np.log2(3) + 0.5 / np.log2(5)
    assert got["ndcg_at_10"] == pytest.approx(reached / (1 + 0.5 / np.log2(3)), rel=1e-5)


def test_the_ideal_order_is_of_all_candidates_and_not_of_those_found() -> None:
    """Ten wrong cases first: an ideal made of what was found would divide by nothing, or call it perfect."""
    gain = np.zeros((13, 13), np.float32)
    gain[0, 1], gain[0, 2] = 1.0, 0.5
    worst = np.arange(13.0)[None].repeat(13, 0)  # the relevant ones come last
    best = -worst
    assert query_measures(worst, gain)["ndcg_at_10"][0] == 0
    assert query_measures(best, gain)["ndcg_at_10"][0] == pytest.approx(1)
    assert np.isnan(query_measures(worst, gain)["ndcg_at_10"][5])


def test_means_have_intervals_over_the_chosen_queries() -> None:
    values = {"a": np.array([0.0, 1.0, 1.0, np.nan] * 25)}
    mean, low, high = means(values, np.arange(100) % 4 != 1)["a"]
    assert mean == pytest.approx(0.5)
    assert 0.3 < low < 0.5 < high < 0.7


def test_headings_lose_their_qualifiers() -> None:
    assert headings_of(Report("r", {}, ("Opacity/lung/left", "Opacity", "No Indexing"))) == {"opacity"}


def test_the_benchmark_ranks_the_encodings() -> None:
    answer = benchmark(reports(120))
    share = {name: row["all"]["precision_at_5"][0] for name, row in answer["rows"].items()}
    assert share["mined labels + affirmed (shipped)"] == 1
    assert abs(share["random"] - answer["base_rate"]["all"]) < 0.08
    assert share["label prior"] < 0.5
    assert answer["queries"]["abnormal"] == 100


def test_the_command_prints_json_or_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([str(write_archive(tmp_path / "reports.tgz")), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reports"] == 60
    assert main([str(write_archive(tmp_path / "few.tgz", 6))]) == 1
    assert "20 or more" in capsys.readouterr().err
    assert main([str(tmp_path / "absent")]) == 1


def test_speed_alone_needs_no_reports_and_finds_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("training.retrieval_benchmark.SPEED_SIZES", (600,))
    assert main(["--speed", "--json"]) == 0
    taken = json.loads(capsys.readouterr().out)["speed"]
    assert set(taken) == {"600 cases by text", "600 cases by film, table and text"}
    assert all(row["recall"] == 1 and 0 < row["median_ms"] <= row["p95_ms"] for row in taken.values())
    assert main(["--speed"]) == 0
    assert "recall 1.0" in capsys.readouterr().out
    assert main([]) == 2
