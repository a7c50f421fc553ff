"""`steady record`: writes what ran on a cluster as traces for the simulator."""
