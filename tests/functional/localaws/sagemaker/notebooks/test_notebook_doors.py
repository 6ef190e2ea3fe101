"""Who gets into a notebook instance, and who does not."""

import time
from typing import Any

import pytest
import requests
import websocket

from tests.functional.localaws.sagemaker.notebooks.conftest import inside_url

pytestmark = pytest.mark.timeout(600)  # a server starts in seconds, or in many where all cores are busy


def test_the_url_gives_a_session_and_does_not_stay(notebooks: Any, running: str) -> None:
    browser = notebooks.enter(running)
    assert browser.first.url == f"{browser.base}/"
    assert browser.first.history[0].headers["referrer-policy"] == "no-referrer"
    cookie = browser.first.history[0].headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert browser.get("/api/status").status_code == 200


def test_a_session_lasts_as_long_as_was_asked_for(notebooks: Any, running: str) -> None:
    url = notebooks.url(running, SessionExpirationDurationInSeconds=1800)
    answer = requests.get(url, allow_redirects=False, timeout=30)
    assert "Max-Age=60" in answer.headers["set-cookie"]  # a second counts for thirty


@pytest.mark.slow
def test_a_url_is_good_for_five_minutes(notebooks: Any, running: str) -> None:
    url = notebooks.url(running)
    assert requests.get(url, allow_redirects=False, timeout=30).status_code == 302
    time.sleep(10.5)
    assert requests.get(url, allow_redirects=False, timeout=30).status_code == 403


def test_nobody_comes_in_without_a_session(notebooks: Any, running: str) -> None:
    url = notebooks.url(running)
    base = url.partition("/session")[0]
    for path in (
        "/",
        "/api/contents",
        "/api/kernels",
        "/files/x",
        "/static/style/index.css",
        "/api/terminals",
    ):
        assert requests.get(base + path, allow_redirects=False, timeout=30).status_code == 403, path
    forged = url[:-4] + "0000"
    assert requests.get(forged, allow_redirects=False, timeout=30).status_code == 403
    assert requests.get(f"{base}/session", allow_redirects=False, timeout=30).status_code == 403
    for path in ("/terminals/websocket/1", "/api/kernels/0/channels", "/api/events/subscribe"):
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            websocket.create_connection(base.replace("http:", "ws:") + path, origin=base, timeout=30)
        assert caught.value.status_code in (403, 404), path


def test_a_page_of_another_site_gets_nothing(notebooks: Any, running: str) -> None:
    browser = notebooks.enter(running)
    foreign = {"Origin": "http://evil.example"}
    assert browser.get("/api/contents", **foreign).status_code in (403, 404)
    assert browser.post("/api/kernels", {}, **foreign).status_code in (403, 404)
    assert browser.get("/api/contents", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.session.post(f"{browser.base}/api/kernels", json={}, timeout=30).status_code == 403
    assert browser.get("/api/contents", Host="evil.example").status_code == 403
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(
            f"{browser.base.replace('http:', 'ws:')}/api/events/subscribe",
            cookie="; ".join(f"{each.name}={each.value}" for each in browser.session.cookies),
            origin="http://evil.example",
            timeout=30,
        )


def test_the_port_inside_asks_for_nothing_but_takes_no_browser(notebooks: Any, running: str) -> None:
    url = f"{inside_url(notebooks.enter(running))}/api/sessions"
    foreign = ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "none"}, {"Host": "evil.example"})
    for headers, status in (({}, 200), *((header, 403) for header in foreign)):
        with pytest.warns(Warning, match="Unverified HTTPS"):
            answer = requests.get(url, headers=headers, timeout=30, verify=False)  # noqa: S501 - our own
        assert answer.status_code == status, headers


def test_an_instance_that_is_off_has_no_url(notebooks: Any) -> None:
    config = notebooks.configure(on_start="#!/bin/sh\nexit 1\n")
    name = notebooks.create(LifecycleConfigName=config)
    notebooks.wait(name, "Failed")
    with pytest.raises(notebooks.sagemaker.exceptions.ClientError, match=r"Status \(Failed\) not in"):
        notebooks.url(name)
    notebooks.delete(name)
