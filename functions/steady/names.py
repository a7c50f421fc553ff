"""Names that the stacks, the functions and the `steady` command share: SSM paths, tags, metrics, log groups."""

HOOK_NAME = "steady-drain"
HOOK_HEARTBEAT_S = 300
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"

# The operators' thresholds: those of each cluster, and those of all clusters. No deployment writes a threshold here.
CLUSTERS_PATH = "/steady/clusters"
DEFAULTS_PATH = "/steady/defaults"
CAPACITY = "capacity"
# Under a cluster: its pools, where it has several, each with a `capacity` of its own.
POOLS = "pools"
# The deployment's thresholds, which the operators' override. CloudFormation owns these parameters, and may write them
# again at each deployment.
DEPLOYED_CLUSTERS_PATH = "/steady/deployed/clusters"
DEPLOYED_DEFAULTS_PATH = "/steady/deployed/defaults"
DEPLOYED_PATH = "/steady/deployed"
LEDGER_PARAMETER = "/steady/ledger"
LAUNCHES_PARAMETER = "/steady/launches"
LAUNCH_QUEUE_PARAMETER = "/steady/launch-queue"
# The AMI that new instances of each cluster start from: `steady image` writes it, and a deployment reads it.
IMAGES_PATH = "/steady/images"
# The environment variable that tells a function the clusters of the deployment.
CLUSTERS_VARIABLE = "STEADY_CLUSTERS"

EVENTS_LOG_GROUP = "/steady/events"

NAMESPACE = "Steady"
# The dimension `service` of a metric that all functions count together; else it is the function's name.
ALL_FUNCTIONS = "ecs-steady"

# The key of the ledger's item with the turns of ECS calls; no cluster can have this name.
API_BUDGET_KEY = "#ecs-api"
# The keys of the ledger's items with the leases of service-out: this, and the cluster's name.
LEASE_KEY = "#service-out/"

# The detail-type of the autoscaler's message about instances that wait under a lifecycle hook.
WAITING_INSTANCES = "Steady Waiting Instances"
# That of its message about instances with batch tasks that have run for too long since renewal began to empty them.
LATE_BATCH_TASKS = "Steady Late Batch Tasks"

# The Glue database and the Athena workgroup of the logs (`steady logs`).
DATABASE = "steady_logs"
WORKGROUP = "steady-logs"

# The tag of everything that is made for a cluster. By it the interruption handler finds an instance's cluster.
CLUSTER_TAG = "steady:cluster"
# The tag of a pool whose on-demand part the suite has changed: the owner's part, and what the suite has set.
BASE_TAG = "steady:on-demand-base"

# What every call of the suite says of its caller (`userAgent` in CloudTrail).
USER_AGENT = "ecs-steady"
# ECS: the error of RunTask if no instance is registered. hako takes it for a want of room, too.
NO_INSTANCES = "No Container Instances were found in your cluster."
