"""Metrics of every container: cAdvisor on each instance, Prometheus to scrape them, Grafana to show them."""
