"""AWS's list prices in us-east-1, in USD, and what every account has free of charge each month, for ever.

They are those of 2026 as far as they are publicly known; AWS's pages "Pricing" of each service are right. CloudWatch's
log, metric and dashboard prices agree with reports of June 2026. Other Regions cost more, some by tens of per cent.
"""

from __future__ import annotations

HOURS = 730
MINUTES = HOURS * 60

ALARM, FREE_ALARMS = 0.10, 10
METRIC, FREE_METRICS = 0.30, 10
# Those with more metrics than this are none of the free ones.
DASHBOARD, FREE_DASHBOARDS, FREE_METRICS_OF_A_DASHBOARD = 3.00, 3, 50
LOG_GB, FREE_LOG_GB = 0.50, 5
LAMBDA_GB_S, FREE_GB_S = 0.0000133334, 400_000  # arm64
LAMBDA_CALL, FREE_CALLS = 0.20e-6, 1_000_000
SQS_REQUEST, FREE_REQUESTS = 0.40e-6, 1_000_000
WRITE_UNIT = 0.625e-6
NAT_GATEWAY = 0.045 * HOURS
PUBLIC_ADDRESS = 0.005 * HOURS
NETWORK_BALANCER = 0.0225 * HOURS
SECRET = 0.40
HOSTED_ZONE = 0.50
