"""What `lookup_case` tells of the films of a study."""

from interface.api.answers import case_json
from tests.doubles.example_cases import small_case, study_case


def test_every_film_is_told_and_which_one_is_read() -> None:
    films = case_json(study_case(films=4))["films"]
    told = [(film["view_position"], film["days_before"], film["read"]) for film in films]
    assert told == [("AP", 0, True), ("lateral", 0, False), ("PA", 30, False), ("lateral", 30, False)]
    assert films[1]["shape"] == [21, 30]


def test_one_film_is_a_list_of_one() -> None:
    (film,) = case_json(small_case("a"))["films"]
    assert film == {"view_position": "unknown", "days_before": 0, "shape": [8, 9], "read": True}
