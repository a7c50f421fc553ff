"""Names that the stacks, the functions and the `steady` command share: SSM paths, tags, metrics, log groups."""

HOOK_NAME = "steady-drain"
HOOK_HEARTBEAT_S = 300
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"

CLUSTERS_PATH = "/steady/clusters"
CAPACITY = "capacity"

DEFAULTS_PATH = "/steady/defaults"
LEDGER_PARAMETER = "/steady/ledger"

EVENTS_LOG_GROUP = "/steady/events"

NAMESPACE = "Steady"
# What is counted for all functions together has this in the place of the function's own name.
ALL_FUNCTIONS = "ecs-steady"
API_CALLS = "ApiCalls"

# The ledger's key of the item; ECS allows no such name for a cluster.
API_BUDGET_KEY = "#ecs-api"

# Names of the deployment's own, which `steady logs` looks in.
DATABASE = "steady_logs"
WORKGROUP = "steady-logs"

# The tag of all that is made for a cluster: by it the handler finds the cluster of an instance of any pool.
CLUSTER_TAG = "steady:cluster"
