"""Instructions of one function and all it calls, or branches that a simple predictor misses there, by the place in the source
that each comes from.

Callgrind counts by address; addr2line says for each address which inlined calls it stands in. A place is the innermost of
them that lies in this repository, so that what the standard library does for a line counts there.
"""
import os
import re
import subprocess

from .machine import ENVIRONMENT, ROOT


# What callgrind calls what can be counted: instructions executed; conditional and indirect branches mispredicted.
INSTRUCTIONS = ("Ir",)
MISSED_BRANCHES = ("Bcm", "Bim")


def addresses(profile, what):
    """Counts of `what` by (object, address) of a profile that was written uncompressed, calls not added to their callers."""
    counts, current, call, wanted = {}, "", False, []
    for line in open(profile, encoding="utf-8", errors="replace"):
        if line.startswith("events: "):
            wanted = [number for number, event in enumerate(line.split()[1:]) if event in what]
        elif line.startswith("ob="):
            current = line[3:].strip()
        elif line.startswith("calls="):
            call = True
        elif line.startswith("0x"):
            # Zeros at the end of a line are left out.
            address, _, *costs = line.split()
            cost = sum(int(costs[number]) for number in wanted if number < len(costs))
            if cost and not call:
                counts[current, address] = counts.get((current, address), 0) + cost
            call = False
    return counts


def frames(program, wanted):
    """For each address the inlined calls it stands in, innermost first: (function, file, line)."""
    done = subprocess.run(["addr2line", "-a", "-f", "-i", "-C", "-e", program], input="\n".join(wanted), capture_output=True, text=True, check=True)
    chains, lines = {}, iter(done.stdout.splitlines())
    for line in lines:
        if line.startswith("0x"):
            chain = chains.setdefault(int(line, 16), [])
        else:
            file, _, number = next(lines).rpartition(":")
            chain.append((line, file, re.sub(r"\D.*", "", number) or "0"))
    return chains


# A file of ours, in whichever checkout the program was built.
OURS = re.compile(r"(?:^|/)((?:benches|config|dpdk-sys|engine|exporter)/(?:src|fuzz)/.+)$")


def place(chain):
    """The innermost place in this repository, as (file below the root, line, function); None outside."""
    for function, file, line in chain:
        found = OURS.search(file)
        if found and os.path.exists(os.path.join(ROOT, found.group(1))):
            return found.group(1), int(line), function
    return None


def counted(command, function, scratch, what=INSTRUCTIONS):
    """What a command prints, and counts of `what` inside `function` (everywhere where it is None) by (object, address)."""
    profile = os.path.join(scratch, "callgrind.out")
    within = [f"--toggle-collect={function}"] if function else []
    within += ["--branch-sim=yes"] if what == MISSED_BRANCHES else []
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", *within, "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no", f"--callgrind-out-file={profile}", *command],
        capture_output=True, text=True, check=False, env=ENVIRONMENT)
    if done.returncode != 0:
        raise RuntimeError(f"callgrind: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout, addresses(profile, what)


def chains_of(program, counts):
    """For each (object, address) that was counted: the inlined calls that it stands in, innermost first."""
    inside = [key for key in counts if os.path.realpath(key[0]) == program]
    found = frames(program, [address for _, address in inside])
    return {key: found.get(int(key[1], 16), []) for key in inside}


def places(program, counts):
    """Counts by (object, address) as counts by place; what lies in no file of ours, by object."""
    chains, out = chains_of(program, counts), {}
    for key, cost in counts.items():
        where = place(chains.get(key, [])) or (os.path.basename(key[0]), 0, "")
        out[where] = out.get(where, 0) + cost
    return out
