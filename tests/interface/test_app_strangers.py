"""Others predict while one client asks for everything and sends films made to exhaust their reader."""

import base64
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.doubles.app_client import as_text, gray_film, nothing_of_an_upload_stays  # noqa: F401
from tests.hostile.films import FILMS, png_of_chunks

HTTP = httpx.Client(timeout=300, limits=httpx.Limits(max_connections=None))
STRANGER = "198.51.100.7"


def call(served, endpoint: str, address: str, *, listen: bool = True, **values: str) -> tuple[int, str]:
    """What a caller from an address is told, as by a proxy on the server's machine."""
    route = f"{served.url}/gradio_api/call/v2/{endpoint}"
    headers = {"x-forwarded-for": address}
    answer = HTTP.post(route, json=values, headers=headers)
    if answer.status_code != 200 or not listen:
        return answer.status_code, answer.text
    return 200, HTTP.get(f"{route}/{answer.json()['event_id']}", headers=headers).text


def test_one_client_who_asks_for_everything_keeps_nobody_from_a_prediction(served, client):
    before = len(served.log.read_text())
    films = [base64.b64encode(make(0.1)).decode() for make in list(FILMS.values())[:4]]
    with ThreadPoolExecutor(16) as many:
        asked = [
            many.submit(call, served, "explain", STRANGER, listen=False, case_id="CASE-0002")
            for _ in range(330)
        ]
        sent = [many.submit(call, served, "predict", STRANGER, film=film) for film in films]
        read = [
            many.submit(call, served, "predict", f"192.0.2.{n}", case_id=f"CASE-000{n}") for n in range(8)
        ]
        read.append(many.submit(call, served, "predict", "192.0.2.9", film=as_text(gray_film())))
        read.append(many.submit(call, served, "explain", "192.0.2.9", case_id="CASE-0004"))
        answers = [future.result() for future in read]
    assert all(status == 200 and "event: complete" in told for status, told in answers), answers
    assert all("too much time or memory" in future.result()[1] for future in sent)
    statuses = [future.result()[0] for future in asked]
    assert {*statuses} == {200, 503} and statuses.count(200) < 330
    assert "Traceback" not in served.log.read_text()[before:]


def test_nobody_else_waits_for_a_film_that_takes_too_long(served, client):
    film = base64.b64encode(png_of_chunks()).decode()
    with ThreadPoolExecutor(1) as stranger:
        slow = stranger.submit(call, served, "predict", STRANGER, film=film)
        status, told = call(served, "predict", "192.0.2.1", film=as_text(gray_film()))
        assert status == 200 and "event: complete" in told and not slow.done()
        assert "too much time or memory" in slow.result()[1]
