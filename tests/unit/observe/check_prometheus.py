#!/usr/bin/python3
"""Reads Prometheus text on standard input with Prometheus's own parser, and prints its samples.

A line each: name, labels as name=value, value. Fails if the text is not in the format, a metric has
no help or type, a name is there twice, or a name does not fit its type or unit.
"""
import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families


def complaints(metric, seen):
    # The parser takes "_total" off the names of counters.
    if metric.name in seen:
        yield "there twice"
    if not metric.documentation:
        yield "without help"
    if metric.type not in ("counter", "gauge"):
        yield f"of type {metric.type}"
    if not metric.name.startswith("ashlar_"):
        yield "without the prefix"
    if not metric.samples:
        yield "without samples"
    series = [tuple(sorted(sample.labels.items())) for sample in metric.samples]
    if len(set(series)) != len(series):
        yield "with a series twice"
    for sample in metric.samples:
        if sample.name.endswith("_total") != (metric.type == "counter"):
            yield f"with a sample {sample.name} of a {metric.type}"


def main():
    text, seen, failed = sys.stdin.read(), set(), False
    for metric in text_string_to_metric_families(text):
        for complaint in complaints(metric, seen):
            print(f"{metric.name}: {complaint}", file=sys.stderr)
            failed = True
        seen.add(metric.name)
        for sample in metric.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            print(sample.name, labels or "-", int(sample.value) if sample.value == int(sample.value) else sample.value)
    # The stricter parser of the newer format: names of families without "_total" may not clash.
    strict = "\n".join(line.replace("_total", "", 1) if line.startswith("#") else line
                       for line in text.splitlines())
    list(openmetrics.text_string_to_metric_families(strict + "\n# EOF\n"))
    return 1 if failed or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
