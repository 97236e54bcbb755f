"""CPU seconds of parshall read and of every peer that is installed, on one capture, in turn."""
import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile

from . import captures
from .machine import ENVIRONMENT, PARSHALL, TRAFFIC

# Packets of the looped captures, at least.
PACKETS = 1_000_000

# Where all write to: memory, for what a disk takes to give room differs from run to run by more than the programs do.
MEMORY = "/dev/shm"


def cpu(command, directory):
    """CPU seconds of a command, user and system, all threads; None where it did not end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime if done.returncode == 0 else None


def programs(capture, out, tstat):
    """Name and command of each program that is there; they write to the folder `out`."""
    found = [
        ("parshall read, no sink", [PARSHALL, "read", "--quiet", capture]),
        ("parshall read, Tstat logs and JSON Lines", [PARSHALL, "read", "--quiet", "--sink", f"tstat:{out}/ours", "--sink", f"jsonl:{out}/ours.jsonl", capture]),
    ]
    if tstat:
        found.append(("Tstat", [tstat, "-s", f"{out}/tstat", capture]))
    others = {
        "softflowd": ["-r", capture, "-d", "-n", "127.0.0.1:9995"],
        "nfpcapd": ["-r", capture, "-w", out],
        "tcptrace": ["-n", "-l", "-r", capture],
        "tshark": ["-r", capture, "-q", "-z", "conv,tcp"],
    }
    return found + [(name, [name, *arguments]) for name, arguments in others.items() if shutil.which(name)]


def table(name, capture, options, scratch):
    summary = subprocess.run([PARSHALL, "read", capture], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    match = re.search(r"all ([\d,]+) frames", summary.stdout + summary.stderr)
    packets = int(match.group(1).replace(",", "")) if match else 0
    rounds = 1 if options.quick else 3
    out = [f"{name}, {packets:,} packets; median of {rounds} behind one that does not count, in turn:", "", "| program | CPU s | us a packet | packets per CPU second | parshall with logs is faster by |", "|---|---|---|---|---|"]
    spent = {}
    room = MEMORY if os.path.isdir(MEMORY) else scratch
    for turn in range(rounds + 1):
        with tempfile.TemporaryDirectory(dir=room) as written:
            for program, command in programs(capture, written, options.tstat):
                seconds = cpu(command, written)
                # The first turn brings the capture and the programs.
                if turn > 0:
                    spent.setdefault(program, []).append(seconds)
    middles = {program: None if None in times else statistics.median(times) for program, times in spent.items()}
    ours = middles["parshall read, Tstat logs and JSON Lines"]
    for program, middle in middles.items():
        if middle is None:
            out.append(f"| {program} | failed on this capture | | | |")
            continue
        faster = "" if program.startswith("parshall") or not ours else f"{middle / ours:.1f}"
        out.append(f"| {program} | {middle:.2f} | {middle / max(packets, 1) * 1e6:.2f} | {packets / middle if middle else 0:,.0f} | {faster} |")
    return out + [""]


def run(options, scratch):
    made = os.path.join(scratch, "sessions.pcap")
    subprocess.run([TRAFFIC, "--out", made, "--sessions", "20000"], check=True, capture_output=True)
    out = ["## Peers", "", "CPU seconds (user and system, all threads) for one capture. All write to memory (/dev/shm) where there is such a place. tcptrace and tshark keep to TCP here; softflowd and nfpcapd write NetFlow records.", ""]
    out += table("Sessions of the synthesizer", made, options, scratch)
    real = captures.real(options, scratch, PACKETS)
    if real:
        out += table("Real captures, looped", real, options, scratch)
    if not options.tstat:
        out.append("No Tstat was given (`--tstat PATH`).")
    return out
