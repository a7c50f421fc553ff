"""Scaling's calls: observe a cluster, keep the ledger, carry out a decision."""
