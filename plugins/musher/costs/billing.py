"""Count the seconds that AWS bills."""


def billed_seconds(*, billable: float | None, instances: int) -> float | None:
    """Return a job's billed seconds over all its instances; None where AWS does not say.

    BillableTimeInSeconds is that of one instance:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
    """
    return None if billable is None else float(billable * instances)
