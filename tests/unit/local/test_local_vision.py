"""Who reads cards and judges faces in the local stack: its own service, unless one is named."""

import json

import pytest

from local import vision
from local.commands import VISION, explicit_ports
from local.story.cameras import DRAWN, camera_for, photographed
from local.vision import left_to_vision, missing_libraries, vision_settings
from runtime.settings import ProviderSettings
from vision.config import VisionConfig

URL = "http://127.0.0.1:8600"
OVERRIDES = "LOANFLOW_PROVIDERS__OVERRIDES"
TIMEOUTS = "LOANFLOW_PROVIDERS__TIMEOUTS"


def told(environment: dict[str, str]) -> tuple[dict[str, str], dict[str, float]]:
    settings = vision_settings(environment, URL)
    return json.loads(settings[OVERRIDES]), json.loads(settings[TIMEOUTS])


def test_cards_and_faces_go_to_it_with_time_enough() -> None:
    urls, seconds = told({})
    assert urls == {"identity_card": URL, "liveness": URL}
    config = VisionConfig()
    assert set(seconds) == set(urls)
    assert min(seconds.values()) > config.wait_seconds + config.job_seconds
    read = ProviderSettings(overrides=urls, timeouts=seconds)
    assert read.url_of("liveness") == URL
    assert read.url_of("bureau") == read.base_url
    assert read.longest_seconds == max(seconds.values())


def test_what_the_caller_set_is_kept_and_wins() -> None:
    others = {"bureau": "https://bureau.example", "liveness": "https://faces.example"}
    urls, seconds = told({OVERRIDES: json.dumps(others), TIMEOUTS: '{"identity_card": 60}'})
    assert urls == {**others, "identity_card": URL}
    assert seconds == {"identity_card": 60}


@pytest.mark.parametrize(
    "environment",
    [
        {OVERRIDES: '{"identity_card": "https://a.example", "liveness": "https://b.example"}'},
        {
            f"{OVERRIDES}__IDENTITY_CARD": "https://a.example",
            f"{OVERRIDES}__liveness": "https://b.example",
        },
        {"LOANFLOW_PROVIDERS__BASE_URL": "https://everybody.example"},
    ],
)
def test_it_is_not_needed_where_others_are_named(environment: dict[str, str]) -> None:
    assert left_to_vision(environment) == ()
    assert vision_settings(environment, URL) == {}


@pytest.mark.parametrize("broken", ["no json", "[]", '"text"'])
def test_a_broken_setting_is_left_to_the_processes_to_refuse(broken: str) -> None:
    assert left_to_vision({OVERRIDES: broken}) == ("identity_card", "liveness")


def test_it_is_given_its_port_and_none_of_our_keys() -> None:
    assert explicit_ports({"LOANFLOW_VISION_PORT": "8700"}) == {"vision": 8700}
    assert VISION.third_party
    assert VISION.port_setting == "LOANFLOW_VISION_PORT"


def test_photographs_are_taken_only_for_who_looks_at_them() -> None:
    assert camera_for(vision_settings({}, URL)) is photographed()
    assert camera_for({OVERRIDES: '{"bureau": "https://bureau.example"}'}) is DRAWN
    assert camera_for({}) is DRAWN


def test_a_library_that_the_machine_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vision, "LIBRARIES", ("libc.so.6", "libnowhere.so.1"))
    assert missing_libraries() == ("libnowhere.so.1",)
