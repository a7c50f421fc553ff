"""Metrics of every container: the configuration of Prometheus and Grafana."""
