"""Layers: links to their code."""

import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest


def test_the_code_of_a_layer_can_be_downloaded(functions: Any) -> None:
    code = functions.zip_of({"python/breeds.py": "NAMES = []\n"})
    name = uuid.uuid4().hex
    made = functions.lam.publish_layer_version(LayerName=name, Content={"ZipFile": code})
    got = functions.lam.get_layer_version(LayerName=name, VersionNumber=made["Version"])
    for answer in (made, got):
        with urllib.request.urlopen(answer["Content"]["Location"], timeout=30) as link:
            assert link.read() == code
    functions.lam.delete_layer_version(LayerName=name, VersionNumber=made["Version"])
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(got["Content"]["Location"], timeout=30)
    with error.value as refusal:
        assert refusal.status == 404
