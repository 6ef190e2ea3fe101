"""The two halves of the address at which functions of custom resources answer."""

import pytest

from localaws.cloudformation.callbacks import split


@pytest.mark.parametrize(
    ("address", "halves"),
    [
        ("http://127.0.0.1:4566", ("http://127.0.0.1", "4566")),
        ("http://[::1]:4566", ("http://[::1]", "4566")),
        ("https://localaws.example", ("https://localaws.example", "443")),
        ("http://localaws", ("http://localaws", "80")),
    ],
)
def test_an_address_has_a_port_whether_it_names_it_or_not(address: str, halves: tuple[str, str]) -> None:
    assert split(address) == halves
