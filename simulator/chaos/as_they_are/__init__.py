"""Clusters as they are: worlds that are drawn from a seed, with the timing that AWS documents, and their promises."""
