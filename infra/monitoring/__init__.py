"""Metrics of every container: cAdvisor on each instance, Prometheus that scrapes it, Grafana that shows it."""
