"""Topics on reports with known ones, the browser, and the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from modeling.errors import ViewboxError
from modeling.reports.mining import Miner
from modeling.reports.reading import ReportError, read_reports
from modeling.reports.report import Report
from modeling.reports.topics import (
    TopicSettings,
    find_topics,
    head,
    npmi,
    topic_text,
    topics_of_store,
)
from tests.doubles.command import command
from tests.doubles.example_reports import SENTENCES, write_archive

main = command("topics")

REPORTS = [
    Report(f"r{i}", {"findings": text}, (name,))
    for i in range(40)
    for name, text in (list(SENTENCES.items())[i % 4],)
]


@pytest.mark.parametrize("method", ["nmf", "lda"])
def test_topics_find_the_four_kinds_of_report(method: str) -> None:
    browser = find_topics(REPORTS, TopicSettings(topics=4, method=method))
    assert browser.measures["purity"] == 1.0 if method == "nmf" else browser.measures["purity"] > 0.7
    assert browser.measures["purity_one_topic"] == pytest.approx(0.25, abs=0.01)
    assert browser.measures["nmi"] > browser.measures["nmi_shuffled"] + 0.3
    assert sum(topic.share for topic in browser.topics) == pytest.approx(1)


def test_the_same_seed_gives_the_same_topics() -> None:
    assert find_topics(REPORTS, TopicSettings(3)) == find_topics(REPORTS, TopicSettings(3))


def test_from_a_word_to_its_topic_to_its_cases_and_back(tmp_path: Path) -> None:
    browser = find_topics(REPORTS, TopicSettings(4))
    topic = next(t for t in browser.topics if "effusion" in [keyword.word for keyword in t.keywords])
    assert topic.headings[0] == ("Effusion", 1.0)
    own = {report_id for report_id, number in browser.main_topic.items() if number == topic.number}
    assert {case.report_id for case in topic.cases} == own
    browser.save(tmp_path / "topics.json")
    kept = json.loads((tmp_path / "topics.json").read_text(encoding="utf-8"))
    assert kept["main_topic"] == browser.main_topic and kept["measures"] == browser.measures
    words = [[keyword["word"] for keyword in kept_topic["keywords"]] for kept_topic in kept["topics"]]
    assert words == [[keyword.word for keyword in t.keywords] for t in browser.topics]


def test_what_a_report_denies_makes_no_topic() -> None:
    text = "No pneumothorax. XXXX small effusion. Lungs are clear."
    report = Report("a", {"findings": text, "indication": "Cough"})
    assert topic_text(report, Miner()).split() == ["small", "effusion."]
    assert "pneumothorax" in topic_text(report, None)


def test_reports_that_say_nothing_are_a_group_without_keywords() -> None:
    silent = [Report(f"n{i}", {"findings": "Lungs are clear."}, ("normal",)) for i in range(10)]
    browser = find_topics([*REPORTS, *silent], TopicSettings(4))
    last = browser.topics[-1]
    assert (last.name, last.keywords, last.headings[0]) == ("nothing abnormal said", (), ("normal", 1.0))
    assert (
        browser.topics[browser.main_topic["n3"]] == last and browser.measures["reports_without_keyword"] == 10
    )


def test_npmi_of_words_that_go_together_and_that_never_do() -> None:
    always = csr_matrix(np.array([[1, 1], [1, 1], [0, 0], [0, 0]], dtype=float))
    never = csr_matrix(np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=float))
    apart = csr_matrix(np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=float))
    assert npmi(always, np.array([0, 1])) == pytest.approx(1)
    assert npmi(never, np.array([0, 1])) == -1
    assert npmi(apart, np.array([0, 1])) == pytest.approx(0)


def test_too_few_reports_or_words_are_told() -> None:
    with pytest.raises(ReportError, match="ask for fewer"):
        find_topics(REPORTS, TopicSettings(40))
    with pytest.raises(ReportError, match="too few words"):
        find_topics([Report("a", {"findings": "XXXX"}), Report("b", {"findings": ""})], TopicSettings(2))
    with pytest.raises(ViewboxError, match="2 to 200"):
        TopicSettings(1)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = write_archive(tmp_path / "r.tgz")
    assert main([str(archive), "--topics", "4", "--out", str(tmp_path / "t.json"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["reports"] == 60 and answer["seconds"] >= 0 and answer["peak_gb"] > 0
    assert json.loads((tmp_path / "t.json").read_text())["measures"]["npmi"] == answer["npmi"]
    assert main([str(archive), "--topics", "4"]) == 0
    assert "effusion" in capsys.readouterr().out
    assert main([str(tmp_path / "none.tgz")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_open_i_topics_agree_with_mesh_beyond_chance(data_root: Path) -> None:
    reports = read_reports(data_root / "openi" / "NLMCXR_reports.tgz")
    measures = find_topics(reports, TopicSettings(20)).measures
    assert measures["nmi"] > 0.3 > 3 * measures["nmi_shuffled"]
    assert measures["purity"] > measures["purity_one_topic"] + 0.2
    assert measures["npmi"] > 0.1
    assert head("Opacity/lung/base/left") == "Opacity"


def test_what_is_sharp_or_well_aerated_makes_no_topic() -> None:
    text = "Costophrenic angles are sharp. Both lungs are well aerated. The heart is enlarged."
    assert topic_text(Report("a", {"findings": text}), Miner()).strip() == "The heart is enlarged."


def test_a_store_of_few_reports_has_fewer_topics() -> None:
    assert len({t.number for t in topics_of_store(REPORTS[:9]).topics}) <= 4
    browser = topics_of_store(REPORTS)
    assert 4 <= len(browser.topics) <= 7
    assert all(k.weight > 0 for topic in browser.topics if topic.share for k in topic.keywords[:2])
    with pytest.raises(ReportError, match="at least 8 reports and here are 2"):
        topics_of_store(REPORTS[:2])


def test_each_sentence_has_its_own_topic_and_fits_it_better_than_its_reports() -> None:
    kinds = list(SENTENCES.values())
    mixed = [Report(f"m{n}", {"findings": f"{kinds[n % 4]} {kinds[(n // 4) % 4]}"}) for n in range(64)]
    browser = find_topics(mixed, TopicSettings(4, by_sentence=True))
    effusion = next(t for t in browser.topics if "effusion" in [keyword.word for keyword in t.keywords])
    assert effusion.sentences and all("effusion" in one.text.lower() for one in effusion.sentences)
    assert len({one.text for one in effusion.sentences}) == len(effusion.sentences) <= 3
    measures = browser.measures
    assert measures["sentence_nmi_by_sentence"] > measures["sentence_nmi_by_report"]
    assert measures["sentence_nmi_by_sentence"] > measures["sentence_nmi_shuffled"] + 0.3


def test_sentences_are_told_only_where_they_are_asked_for() -> None:
    plain = find_topics(REPORTS, TopicSettings(4))
    assert not any(topic.sentences for topic in plain.topics) and "sentences" not in plain.measures
    whole = find_topics(REPORTS, TopicSettings(4, by_sentence=True, affirmed_only=False))
    assert whole.measures["sentences"] >= len(REPORTS)
