"""What localaws remembers for moto."""

import os
from datetime import datetime
from unittest import mock

from moto import backends
from moto.core.responses import ActionContext, BaseResponse
from moto.core.serialize import JSONSerializer
from moto.core.utils import get_service_model

from localaws import moto_dispatch
from localaws.moto_dispatch import Dispatcher, ExactResult


def test_the_service_of_a_host_is_looked_for_once() -> None:
    dispatcher = Dispatcher(lambda service: None)
    with mock.patch.object(backends.os, "listdir", side_effect=os.listdir) as listed:
        for _ in range(3):
            assert dispatcher.get_backend_for_host("api.sagemaker.us-east-1.amazonaws.com") == "sagemaker"
    assert listed.call_count == 1
    assert dispatcher.get_backend_for_host(None) is None


def test_what_clients_call_their_regions_does_not_pile_up() -> None:
    dispatcher = Dispatcher(lambda service: None)
    with mock.patch.object(moto_dispatch, "MAX_HOSTS", 2):
        for number in range(5):
            assert dispatcher.get_backend_for_host(f"sqs.region-{number}.amazonaws.com") == "sqs"
    assert len(dispatcher._known) <= 2


def test_an_exact_result_has_the_members_that_it_is_given_and_no_others() -> None:
    model = get_service_model("sagemaker")
    context = ActionContext(
        model, model.operation_model("DescribeTrainingJob"), JSONSerializer, BaseResponse("sagemaker")
    )
    moment = datetime(2026, 1, 1)
    result = {"TrainingJobName": "j", "CreationTime": moment, "training_job_arn": "x", "Unknown": 1}
    status, _, body = ExactResult(result).execute_result(context)
    assert (status, body) == (200, '{"TrainingJobName": "j", "CreationTime": 1767225600}')
