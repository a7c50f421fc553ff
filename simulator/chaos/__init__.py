"""Check the promises when things go wrong: scenarios of the suite's work with every fault. Each run is repeatable."""
