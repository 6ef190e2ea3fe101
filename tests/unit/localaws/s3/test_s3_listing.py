"""Pages of keys and common prefixes: what is on them, where they end, and what cannot be asked for."""

from typing import Any

import pytest
from moto.s3.exceptions import InvalidContinuationToken

from localaws.s3.errors import S3Error
from localaws.s3.listing import (
    MAX_KEYS,
    ListPage,
    ListQuery,
    encode,
    find_page,
    read_list_query,
    read_max_keys,
    read_token,
    write_token,
)

NAMES = ("a", "photos/1", "photos/2", "photos/more/3", "photos|4", "z", "ü/ö")


def page(**query: Any) -> ListPage:
    """Return a page of NAMES, which are in no order; a key stands for itself."""
    return find_page([(name, name) for name in reversed(NAMES)], ListQuery(**query))


@pytest.mark.parametrize(
    ("query", "keys", "prefixes"),
    [
        ({}, list(NAMES), []),
        ({"prefix": "photos"}, ["photos/1", "photos/2", "photos/more/3", "photos|4"], []),
        ({"prefix": "photos/"}, ["photos/1", "photos/2", "photos/more/3"], []),
        ({"prefix": "nothing"}, [], []),
        ({"delimiter": "/"}, ["a", "photos|4", "z"], ["photos/", "ü/"]),
        ({"delimiter": "/", "prefix": "photos"}, ["photos|4"], ["photos/"]),
        ({"delimiter": "/", "prefix": "photos/"}, ["photos/1", "photos/2"], ["photos/more/"]),
        ({"delimiter": "tos"}, ["a", "z", "ü/ö"], ["photos"]),
        ({"delimiter": "more/"}, ["a", "photos/1", "photos/2", "photos|4", "z", "ü/ö"], ["photos/more/"]),
        ({"behind": "photos/2"}, ["photos/more/3", "photos|4", "z", "ü/ö"], []),
        ({"behind": "b"}, list(NAMES[1:]), []),
        ({"behind": "photos/", "delimiter": "/"}, ["photos|4", "z"], ["ü/"]),
        ({"behind": "ü/ö"}, [], []),
        ({"max_keys": 0}, [], []),
        ({"max_keys": 2, "delimiter": "/"}, ["a"], ["photos/"]),
    ],
)
def test_a_page_holds_what_is_asked_for(query: dict[str, Any], keys: list[str], prefixes: list[str]) -> None:
    found = page(**query)
    assert (found.keys, found.prefixes, found.size) == (keys, prefixes, len(keys) + len(prefixes))


@pytest.mark.parametrize("delimiter", ["", "/", "o"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_joined_are_the_whole(size: int, delimiter: str) -> None:
    keys, prefixes, behind = [], [], ""
    for _ in range(10):
        found = page(delimiter=delimiter, max_keys=size, behind=behind)
        keys += found.keys
        prefixes += found.prefixes
        if found.last is None:
            break
        assert found.size == size
        behind = read_token(write_token(found.last))
    whole = page(delimiter=delimiter)
    assert (keys, prefixes) == (whole.keys, whole.prefixes)


@pytest.mark.parametrize(("size", "last"), [(0, None), (6, "z"), (7, None)])
def test_a_page_tells_where_it_ends_only_if_more_follows(size: int, last: str | None) -> None:
    """A page of no keys is not cut: who asked for none would ask for ever."""
    assert page(max_keys=size).last == last


def test_keys_are_ordered_by_their_bytes_in_utf8() -> None:
    names = ["\U0001f4a9", "\uff5a", "z", "Z", "a/", "a", "é"]
    found = find_page([(name, name) for name in names], ListQuery())
    assert found.keys == sorted(names, key=lambda name: name.encode())


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("1", 1), ("1000", 1000), ("1001", MAX_KEYS), ("2147483647", MAX_KEYS), ("007", 7)],
)
def test_a_page_has_a_thousand_entries_at_most(text: str, number: int) -> None:
    assert read_max_keys(text) == number


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("-1", "maxKeys", "Argument maxKeys must be an integer between 0 and 2147483647"),
        ("many", "max-keys", "Provided max-keys not an integer or within integer range"),
        ("1.5", "max-keys", "Provided max-keys not an integer or within integer range"),
        ("2147483648", "max-keys", "Provided max-keys not an integer or within integer range"),
        ("٣", "max-keys", "Provided max-keys not an integer or within integer range"),
        ("9" * 5000, "max-keys", "Provided max-keys not an integer or within integer range"),
    ],
)
def test_a_number_of_keys_that_cannot_be(text: str, name: str, message: str) -> None:
    with pytest.raises(S3Error) as refused:
        read_max_keys(text)
    assert (refused.value.code, refused.value.message) == ("InvalidArgument", message)
    assert refused.value.facts == {"ArgumentName": name, "ArgumentValue": text[:50]}


def test_a_query_is_read() -> None:
    sent = {"prefix": "p", "delimiter": "/", "max-keys": "5", "encoding-type": "url"}
    expected = ListQuery(prefix="p", delimiter="/", behind="x", max_keys=5)
    assert read_list_query(sent, behind="x") == expected
    assert read_list_query({"max-keys": ""}, behind="") == ListQuery()


def test_names_are_encoded_for_urls_alone() -> None:
    with pytest.raises(S3Error, match="Invalid Encoding Method specified in Request"):
        read_list_query({"encoding-type": "base64"}, behind="")
    assert encode("a b+ü/%", "url") == "a%20b%2B%C3%BC/%25"
    assert encode("a b+ü/%", None) == "a b+ü/%"


@pytest.mark.parametrize("name", ["", "a", "photos/", "ü/\n", "\U0001f4a9" * 256])
def test_a_token_stands_for_a_name(name: str) -> None:
    assert read_token(write_token(name)) == name


@pytest.mark.parametrize("token", ["", "nonsense", "a b", "MTr_", "%%%", "photos/1", "ü"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidContinuationToken, match="The continuation token provided is incorrect"):
        read_token(token)
