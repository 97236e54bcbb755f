"""The worker from frames in memory, step by step, beside B: the cost of one random line. No DPDK, no root."""
from .machine import rows

HEAD = ["| step | flows | ns min | ns median | ns p90 | Mpps median | chunks |", "|---|---|---|---|---|---|---|"]


def run(options, _scratch):
    chunks = ["--chunks", "40" if options.quick else "150"]
    out = [
        "## From memory", "",
        "Whole worker: decode, key, flow table, all TCP and UDP analytics, duplicates, sweep, hand-over; frames of 60 bytes made in memory (the step \"source\"). B is one",
        "independent random read-modify-write of a line of 64 bytes in as much memory, prefetched in batches. The steps take turns, chunk by chunk.", "", *HEAD,
    ]
    for flows in options.flows.split(","):
        out += rows("engine", "--flows", flows, *chunks)
        out += rows("engine", "--flows", flows, *chunks, "--whole", "--kind", "bulk,acks,lossy,udp")
    most = options.flows.split(",")[-1]
    whole = ["engine", "--flows", most, *chunks, "--whole"]
    out += ["", f"Zipf(1.1), pages, bursts, duplicates off, at {int(most):,} flows:", "", *HEAD]
    out += [row.replace("whole worker", "Zipf") for row in rows(*whole, "--zipf")]
    out += rows(*whole, "--pages", "huge,thp,small", "--burst", "32,64")
    out += [row.replace("whole worker", "no duplicates") for row in rows(*whole, "--no-duplicates")]
    out += ["", "Every packet a new flow (one TCP SYN each), into a table that is full, records read by nobody's sink:", "", *HEAD]
    return out + rows("engine", "--flows", "1000000", *chunks, "--whole", "--kind", "new-flows")
