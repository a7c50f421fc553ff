"""`steady record`: write what ran on a cluster as traces for the simulator."""
