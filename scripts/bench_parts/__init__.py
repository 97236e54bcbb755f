"""The parts of scripts/bench: one module for each table of benches/RESULTS.md, and two that several use.

machine    what runs where: programs, captures, the machine's description
callgrind  instructions of one function, by the place in the source that they come from
"""
