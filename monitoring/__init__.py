"""Metrics of every container: what Prometheus scrapes and derives, and what Grafana shows of it."""
