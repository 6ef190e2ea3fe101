"""What a server counts is read by Prometheus's own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from imgclf.serving.metrics import Histogram, Metrics


def test_the_page_is_prometheus_text() -> None:
    metrics = Metrics()
    metrics.count("/ping", 200)
    metrics.count("/ping", 200)
    metrics.count("/invocations", 400)
    metrics.count("/admin", 404)
    metrics.invocations.observe(0.2)
    families = {
        family.name: family
        for family in text_string_to_metric_families(metrics.render({"imgclf_healthy": 1}).decode())
    }
    requests = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["imgclf_requests"].samples
    }
    assert requests == {("/ping", "200"): 2, ("/invocations", "400"): 1, ("other", "404"): 1}
    assert families["imgclf_invocation_seconds"].type == "histogram"
    assert [sample.value for sample in families["imgclf_healthy"].samples] == [1]


def test_a_histograms_buckets_add_up_and_hold_their_bounds() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 3.0):
        histogram.observe(value)
    assert list(histogram.lines("x")) == [
        "# TYPE x histogram",
        'x_bucket{le="1.0"} 2',
        'x_bucket{le="2.0"} 3',
        'x_bucket{le="+Inf"} 4',
        "x_sum 6.0",
        "x_count 4",
    ]
