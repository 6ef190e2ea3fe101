"""Search comes in pages."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_search_gives_no_more_than_was_asked_for(localaws: Any) -> None:
    sagemaker, prefix = localaws.client("sagemaker"), uuid.uuid4().hex[:8]
    names = [f"{prefix}-{number}" for number in range(3)]
    for name in names:
        sagemaker.create_model_package_group(ModelPackageGroupName=name)
    filters = [{"Name": "ModelPackageGroupName", "Operator": "Contains", "Value": prefix}]
    request = {"Resource": "ModelPackageGroup", "SearchExpression": {"Filters": filters}, "MaxResults": 2}
    first = sagemaker.search(**request)
    second = sagemaker.search(**request, NextToken=first["NextToken"])
    found = [
        result["ModelPackageGroup"]["ModelPackageGroupName"]
        for page in (first, second)
        for result in page["Results"]
    ]
    assert (len(first["Results"]), sorted(found)) == (2, names)
    assert "NextToken" not in second
    for wrong in ({"MaxResults": 101}, {"NextToken": "?"}):
        with pytest.raises(ClientError) as error:
            sagemaker.search(**(request | wrong))
        assert error.value.response["Error"]["Code"] == "ValidationException"
