"""dpdk-testpmd rxonly and parshall on the same vdev and capture, in turn, so that every figure is a ratio. Root, hugepages."""
from . import captures, testpmd
from .machine import PARSHALL, load

# A data room that holds a frame of 60 bytes, so that a million of them find place in memory: headroom and 192 bytes.
SMALL = "320"


# Mbufs of testpmd: those of the capture, and some that are under way. Ours are counted by the program itself.
MBUFS = 620_000


def run(options, scratch):
    if not testpmd.possible():
        return ["## Beside testpmd", "", "Not run: it needs dpdk-testpmd (package dpdk) and root."]
    loads = [
        ("64 B, UDP, 1 k flows, 2,000 packets", load(scratch, "udp-short.pcap", "--kind", "udp", "--packets", "2000", "--size", "60"), None),
        ("64 B, UDP, 1 k flows, 10,000 packets", load(scratch, "udp.pcap", "--kind", "udp", "--packets", "10000", "--size", "60"), None),
        ("64 B, TCP, 1 k flows; every pass of the capture is a retransmission", load(scratch, "tcp.pcap", "--packets", "10000", "--size", "60"), None),
        ("64 B, TCP, 100 k flows, 1 M packets; the same but for the first pass", load(scratch, "long.pcap", "--flows", "100000", "--packets", "1000000", "--size", "60"), SMALL),
        ("IMIX, UDP, 100 k flows, 600,000 packets", load(scratch, "imix-udp.pcap", "--kind", "udp", "--flows", "100000", "--packets", "600000", "--size", "imix"), None),
        ("IMIX, TCP, 100 k flows, 600,000 packets; every pass of the capture is a retransmission", load(scratch, "imix-tcp.pcap", "--flows", "100000", "--packets", "600000", "--size", "imix"), None),
        ("IMIX, TCP, 1 k flows, 20,000 packets; the same", load(scratch, "imix.pcap", "--packets", "20000", "--size", "imix"), None),
    ]
    mix = captures.real(options, scratch)
    if mix:
        loads.append(("real mix (frames over 2,048 bytes left out)", mix, None))
    out = [
        "## Beside testpmd", "",
        "net_pcap with `infinite_rx=1`, one RX core, burst 32, hugepages; the rates that both print each second, in turn; ratio = parshall / testpmd. The driver gives the",
        "same packets again and again, so TCP can be new in the first pass only; UDP and the real mix (whose connections open anew) have no such fault.",
        "It copies each out of an mbuf of its own, three lines a packet at least: 2,000 packets of 64 bytes leave room in a core's second cache of 1 MB for the tables of 1 k flows, 10,000 push them out; 20,000 of IMIX",
        "stay in the third cache as long as nobody else on the machine needs it, and the longer the slower program takes for a pass, the fewer of them; 600,000 come from memory for both.", "", *testpmd.HEAD,
    ]
    for name, capture, room in loads:
        sized = ["--mbuf-size", room] if room else []
        theirs = [f"--mbuf-size={room}", "--total-num-mbufs=1100000"] if room else [f"--total-num-mbufs={MBUFS}"]

        def ours(eal, sized=sized):
            return [PARSHALL, "run", *eal, "--stats-period", "1", "--nb-cores", "1", "--listen", "off", "--burst", "32", "--max-flows", "200000", *sized]

        figures = testpmd.beside(f"net_pcap0,rx_pcap={capture},infinite_rx=1", ours, 2 if options.quick else 4, theirs)
        out.append(testpmd.row(name, figures))
    return out
