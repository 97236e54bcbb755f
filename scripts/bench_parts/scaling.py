"""Workers side by side and software spreading; and a model of more cores on faster links, from what was measured here."""
import os
import time

from .engine import HEAD
from .machine import PARSHALL, load, rows
from .peers import cpu

# Bytes of a frame on the wire beside itself: preamble, start, checksum, gap.
WIRE = 24
MIXES = [("64 B", 60), ("IMIX, 358 B", 354)]
LINKS = [("40 GbE", 40e9), ("100 GbE", 100e9)]


def line_rate(bits, size):
    """Packets a second of a full link."""
    return bits / 8 / (size + WIRE)


def model(alone, beside):
    """Rows of the model. `alone`, `beside`: ns a packet of one worker, and of one beside another."""
    loss = max(beside / alone, 1.0)
    out = [f"| workers | Mpps, as dear as alone | Mpps, {(loss - 1) * 100:.0f} % dearer | " + " | ".join(f"{link} {mix}" for link, _ in LINKS for mix, _ in MIXES) + " |", "|---|---|---|" + "---|" * len(LINKS) * len(MIXES)]
    for workers in (1, 2, 4, 8, 16):
        best, worse = workers * 1e9 / alone, workers * 1e9 / (alone * loss)
        shares = [worse / line_rate(bits, size) for _, bits in LINKS for _, size in MIXES]
        out.append(f"| {workers} | {best / 1e6:.0f} | {worse / 1e6:.0f} | " + " | ".join("all" if share >= 1 else f"{share * 100:.0f} %" for share in shares) + " |")
    return out


def spreading(options, scratch):
    capture = load(scratch, "spread.pcap", "--flows", "10000", "--packets", "2000000", "--size", "60")
    out = ["| workers of `read` | seconds | CPU seconds |", "|---|---|---|"]
    for workers in (1, 2, 3):
        times = []
        for _ in range(1 if options.quick else 3):
            began = time.monotonic()
            spent = cpu([PARSHALL, "read", "--quiet", "--workers", str(workers), capture], scratch)
            times.append((time.monotonic() - began, spent))
        seconds, spent = min(times)
        out.append(f"| {workers} | {seconds:.2f} | {'failed' if spent is None else f'{spent:.2f}'} |")
    return out


def run(options, scratch):
    measured = rows("scaling", "--chunks", "40" if options.quick else "150")
    medians = [float(row.split("|")[4]) for row in measured]
    out = ["## Scaling", "", "Workers side by side, each with a table of its own on a processor of its own, exchanges of 1 M flows from memory:", "", *HEAD, *measured, ""]
    out += [
        f"Software spreading: 2 M packets of 64 bytes read from a file on {os.cpu_count()} processors. With 1 there is no spreader; with more, one thread reads and spreads, and the",
        "workers share what processors are left:", "", *spreading(options, scratch), "",
    ]
    if medians:
        out += [
            "**Model, not measured.** RSS deals flows to workers that share nothing, so Mpps grow with workers as long as memory and caches allow. The first column of Mpps takes the cost of a",
            "worker alone, the second that of the dearest of all measured side by side here. The rest says which part of a full link the second can take. Left out: what a NIC and its",
            "descriptors cost (frames are made in cache here), uneven RSS, other sockets' memory.", "", *model(medians[0], max(medians)),
        ]
    return out
