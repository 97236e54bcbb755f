"""The receive loop with counters alone beside dpdk-testpmd rxonly: what poll, count and free cost. Root, hugepages."""
from . import testpmd
from .machine import BENCH, load


def run(options, scratch):
    if not testpmd.possible():
        return ["## The receive loop alone", "", "Not run: it needs dpdk-testpmd (package dpdk) and root."]
    capture = load(scratch, "udp.pcap", "--kind", "udp", "--packets", "10000", "--size", "60")
    vdevs = [("net_null, 64 B, nothing copied", "net_null0,size=64,copy=0"), ("net_pcap, 64 B", f"net_pcap0,rx_pcap={capture},infinite_rx=1")]
    out = [
        "## The receive loop alone", "",
        "Poll, count packets and bytes, free: `parshall-bench receive` beside testpmd rxonly on the same vdev, in turn, burst 32.", "", *testpmd.HEAD,
    ]
    def ours(eal):
        return [BENCH, "receive", "--seconds", str(testpmd.TURN + 4), "--burst", "32", "--", *eal[:-1]]

    rounds = 2 if options.quick else 4
    out += [testpmd.row(name, testpmd.beside(vdev, ours, rounds)) for name, vdev in vdevs]
    # What is put into the ring of a net_ring is put there by the process that polls it; testpmd finds nothing in one.
    return out + [testpmd.row("net_ring, 60 B, emptied by who filled it, emptying alone timed", testpmd.alone("net_ring0", ours, rounds))]
