"""The time of bursts while all flows end at once and the control side asks without pause; the bounds on their work."""
import os

from .machine import BENCH, nobody_else_on, text


def run(options, _scratch):
    flows = [number for number in options.flows.split(",") if int(number) >= 1_000_000] or ["1000000"]
    flows = flows[0] if options.quick else ",".join(flows)
    # The bench works on the last processor.
    with nobody_else_on(os.cpu_count() - 1):
        table = text(BENCH, "stall", "--flows", flows)
    return [
        "## Stalls", "",
        "Time of a burst of 64 packets of 1,000 flows, in microseconds, while all other flows end at once; records, tallies and live flows go to a thread on another core.",
        "Bursts during which the thread was switched out against its will do not count; what a hypervisor takes away cannot be told from a stall.", "",
        table,
    ]
