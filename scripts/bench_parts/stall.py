"""The time of bursts while all flows end at once and the control side asks without pause; the bounds on their work."""
from .machine import BENCH, text


def run(options, _scratch):
    flows = "1000000" if options.quick else "1000000,10000000"
    return [
        "## Stalls", "",
        "Time of a burst of 64 packets of 1,000 flows, in microseconds, while all other flows end at once; records, tallies and live flows go to a thread on another core.",
        "Bursts during which the thread was switched out against its will do not count; what a hypervisor takes away cannot be told from a stall.", "",
        text(BENCH, "stall", "--flows", flows),
    ]
