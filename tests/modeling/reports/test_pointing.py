"""Which zone, side, view and day a sentence speaks of, and what it says of them."""

import pytest

from modeling.reports.mining import Miner
from modeling.reports.phrases import Phrase
from modeling.reports.pointing import LEXICON, ZONES, pointed, sentences_json
from modeling.reports.report import Report
from modeling.study import ViewPosition

MINER = Miner()
STUDY = [(ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 30), (ViewPosition.PA, 90)]


def places(text):
    return [(p.zone, p.side, sentence.said) for sentence in pointed(text, MINER) for p in sentence.places]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Opacity in the left lung base.", [("base", "left", "affirmed")]),
        ("Bibasilar atelectasis.", [("base", "both", "affirmed")]),
        ("Possible right middle lobe pneumonia.", [("middle lobe", "right", "doubted")]),
        ("No left apical pneumothorax.", [("apex", "left", "denied")]),
        ("The costophrenic angles are sharp.", [("costophrenic angle", "both", "denied")]),
        (
            "Right upper and left lower lobe opacities.",
            [("upper", "right", "affirmed"), ("lower", "left", "affirmed")],
        ),
        (
            "Small left effusion and right upper lobe opacity.",
            [("upper", "right", "affirmed"), ("base", "left", "affirmed")],
        ),
        ("Left greater than right basilar opacities.", [("base", "both", "affirmed")]),
        ("The left heart border is obscured.", [("heart", "both", "")]),
        ("左下肺可見實變。", [("lower", "left", "affirmed")]),
        ("右側肋膈角銳利。", [("costophrenic angle", "right", "denied")]),
        ("The patient was rotated.", []),
        ("", []),
    ],
)
def test_zones_have_their_sides_and_keep_what_is_denied(text, wanted):
    assert places(text) == wanted


def test_a_sentence_that_goes_on_speaks_of_the_place_before():
    first, second, third = pointed(
        "Density at the right hilum. It is new. On the lateral view it is clear.", MINER
    )
    assert second.places == first.places and second.when == "change"
    assert third.views == ("lateral",)
    assert pointed("It is new.", MINER)[0].places == ()


@pytest.mark.parametrize(
    ("text", "films"),
    [
        ("There is a nodule in the right lung.", (0, 1)),
        ("The nodule is seen on the lateral view.", (1,)),
        ("The frontal film does not show it.", (0,)),
        ("Frontal and lateral views were taken.", (0, 1)),
        ("Compared with the film of 3 months ago.", (3,)),
        ("Comparison: film of 30 days ago.", (2,)),
        ("The opacity is unchanged.", (0, 1, 2)),
        ("No earlier film for comparison.", (0, 1)),
        ("與 90 天前的影像比較。", (3,)),
        ("僅見於側面影像。", (1,)),
    ],
)
def test_a_sentence_speaks_of_its_films(text, films):
    (sentence,) = pointed(text, MINER)
    assert sentence.films(STUDY) == films


def test_a_view_or_day_that_the_study_lacks_is_no_film():
    lateral, prior = pointed("The lateral view is clear. Compared with the prior film.", MINER)
    assert lateral.films(STUDY[:1]) == () and prior.films(STUDY[:1]) == ()


def test_every_sentence_stands_where_it_says():
    report = Report.from_text(
        "FINDINGS: No pneumothorax.  Left base opacity.\nIMPRESSION: Pneumonia, lingula."
    )
    found = sentences_json(report, MINER)
    assert [one["text"] for one in found] == ["No pneumothorax.", "Left base opacity.", "Pneumonia, lingula."]
    for one in found:
        start, end = one["span"]
        assert report.sections[one["section"]][start:end] == one["text"]
    assert found[2]["points_at"]["places"] == [
        {"zone": "lingula", "side": "left", "part": "", "said": "affirmed", "implied": False}
    ]


def test_a_hostile_report_is_read_in_good_time():
    text = "left right " * 20_000
    assert pointed(text, MINER)


def test_the_lexicon_is_whole():
    assert set(LEXICON["implied"].values()) <= set(ZONES)
    for name, zone in ZONES.items():
        assert set(zone["words"]) == {"en", "zh-Hant"}, name
        assert ("lung" in zone) != ("both" in zone) and len(zone["lateral"]) == 4, name
        assert zone.get("side", "left") in ("left", "right"), name
        for phrase in zone["phrases"]:
            Phrase.parse(phrase)
