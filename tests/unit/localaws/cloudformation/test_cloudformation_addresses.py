"""Which object an address of a template names."""

import pytest
from moto.cloudformation.exceptions import ValidationError

from localaws.cloudformation.addresses import read_address


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:4566/bucket/a/t.json",
        "http://127.0.0.1:4566/bucket/a%2Ft.json?X-Amz-Expires=1",
        "http://localhost/bucket/a/t.json",
        "http://localaws:4566/bucket/a/t.json",
        "https://s3.amazonaws.com/bucket/a/t.json",
        "https://s3.eu-west-1.amazonaws.com/bucket/a/t.json",
        "https://bucket.s3.amazonaws.com/a/t.json",
        "https://bucket.s3.eu-west-1.amazonaws.com/a/t.json",
    ],
)
def test_each_address_of_an_object_names_it(address: str) -> None:
    assert read_address(address) == ("bucket", "a/t.json")


@pytest.mark.parametrize(
    "address",
    ["", "t.json", "s3://bucket/t.json", "file:///etc/passwd", "http://127.0.0.1/bucket", "http://[/b/k"],
)
def test_what_names_no_object_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="TemplateURL must be a supported URL"):
        read_address(address)
