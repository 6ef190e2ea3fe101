"""FailureReason, worded as AWS words it."""

from localaws.sagemaker.failures import MAX_REASON, client_error, script_failed


def test_the_scripts_own_words_come_first() -> None:
    reason = script_failed(exit_code=1, written="bad data\n", tail=["ignored"], command="python train.py")
    assert reason == "AlgorithmError: bad data, exit code: 1"


def test_a_signal_is_the_containers_exit_code_128_and_more() -> None:
    reason = script_failed(exit_code=-9, written="bad", tail=[], command="")
    assert reason == "AlgorithmError: bad, exit code: 137"


def test_an_empty_failure_file_leaves_the_log_to_speak() -> None:
    reason = script_failed(exit_code=1, written=" \n", tail=["a", "b"], command="python train.py")
    expected = (
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "a\nb"\nCommand "python train.py"'
    )
    assert reason == expected + ", exit code: 1"


def test_no_reason_is_longer_than_aws_allows() -> None:
    long = ["x" * 500] * 10
    for written in ("y" * 5000, None):
        reason = script_failed(exit_code=-15, written=written, tail=long, command="c" * 5000)
        assert len(reason) == MAX_REASON
    assert len(client_error("z" * 5000)) == MAX_REASON


def test_an_unknown_signal_is_told_by_its_number() -> None:
    assert "(signal 99)" in script_failed(exit_code=-99, written=None, tail=[], command="")
