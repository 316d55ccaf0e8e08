"""Families of devices."""

from __future__ import annotations

import pytest

from opportune.customers.context.devices import family_of, system_of

AGENTS = """
desktop | windows  | Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36
desktop | macos    | Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15
desktop | linux    | Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0
desktop | chromeos | Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36
mobile  | ios      | Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1
mobile  | android  | Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36
mobile  | windows  | Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0 Mobile Safari/537.36
tablet  | android  | Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36
tablet  | ios      | Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1
bot     | android  | Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36 (compatible; Googlebot/2.1)
bot     | other    | curl/8.5.0
bot     | other    | python-requests/2.32.3
bot     | linux    | Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0 Safari/537.36
other   | other    | SomethingElse/1.0
other   | other    |
"""  # noqa: E501
ROWS = [tuple(part.strip() for part in line.split("|", 2)) for line in AGENTS.strip().splitlines()]


@pytest.mark.parametrize(("family", "system", "agent"), ROWS)
def test_a_device_is_told_by_its_user_agent(family: str, system: str, agent: str) -> None:
    assert (family_of(agent), system_of(agent)) == (family, system)


def test_a_very_long_user_agent_takes_no_long_time() -> None:
    assert family_of("android " * 1_000 + "mobile") == "mobile"
