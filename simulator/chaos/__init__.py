"""Whether promises hold when things go wrong: scenarios of the suite's work, under every fault, each run repeatable."""
