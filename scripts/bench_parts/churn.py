"""Flows that come and go, with records read on another core; and what an insertion costs at several loads. No DPDK, no root."""
from .engine import HEAD
from .machine import rows


def run(options, _scratch):
    chunks = ["--chunks", "40" if options.quick else "150"]
    return [
        "## Churn", "",
        "New flows (a SYN each) mixed into exchanges of 100 k known flows, as many as there would be in a second at 20 Mpps; they end 50 ms later, and a thread on another core",
        "reads their records. The column \"flows\" says how many live then.", "", *HEAD, *rows("churn", *chunks), "",
        "Putting a flow into the index (room for 1 M flows), its bucket prefetched in batches of 64:", "", *HEAD, *rows("insert", *chunks),
    ]
