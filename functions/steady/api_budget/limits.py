"""The ECS API's token buckets of one account and Region (AWS, "Request throttling for the Amazon ECS API")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket that all calls of `actions` share, by every caller: `burst` at once, then `refill_per_s`."""

    name: str
    burst: int
    refill_per_s: int
    actions: frozenset[str]

    @property
    def per_minute(self) -> int:
        """The calls that can be made in every minute for any length of time."""
        return self.refill_per_s * 60


# ECS's table, as we have it, does not name GetTaskProtection, DescribeServiceRevisions, DescribeCapacityProviders and
# ListAccountSettings. They are counted with the calls that read tasks, services and clusters: if they have buckets of
# their own, this only leaves more of the shared ones.
BUCKETS = (
    Bucket(
        "cluster-resource-modify",
        100,
        40,
        frozenset(
            {
                "StopTask",
                "RunTask",
                "StartTask",
                "UpdateContainerInstancesState",
                "PutAttributes",
                "DeleteAttributes",
                "DeregisterContainerInstance",
            }
        ),
    ),
    Bucket(
        "cluster-resource-read",
        100,
        20,
        frozenset(
            {
                "DescribeContainerInstances",
                "DescribeTasks",
                "ListContainerInstances",
                "ListTasks",
                "ListAttributes",
                "GetTaskProtection",
            }
        ),
    ),
    Bucket("service-read", 100, 20, frozenset({"DescribeServices", "ListServices", "DescribeServiceRevisions"})),
    Bucket("service-modify", 50, 5, frozenset({"CreateService", "UpdateService", "DeleteService"})),
    Bucket(
        "cluster-read",
        50,
        20,
        frozenset({"DescribeClusters", "ListClusters", "DescribeCapacityProviders", "ListAccountSettings"}),
    ),
    Bucket("task-definition-read", 50, 20, frozenset({"DescribeTaskDefinition", "ListTaskDefinitions"})),
)
# Not of ECS: ELB, "API throttling": registering and deregistering targets, of all target groups of a Region together.
DEREGISTER_BUCKET = Bucket("elb-registration", 20, 4, frozenset({"RegisterTargets", "DeregisterTargets"}))
# Not of ECS: Cloud Map names figures for DiscoverInstances only; an assumption.
CLOUD_MAP_BUCKET = Bucket("cloud-map-registration", 50, 20, frozenset({"DeregisterInstance"}))
# Not of ECS: Auto Scaling names no figures for its token buckets; an assumption, of the order of EC2's changing calls.
LIFECYCLE_BUCKET = Bucket(
    "lifecycle-action", 50, 5, frozenset({"RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"})
)
# ECS: the error code of a call for which its bucket has no token.
THROTTLED = "ThrottlingException"

BUCKET_NAMED = {bucket.name: bucket for bucket in BUCKETS}
BUCKET_OF = {action: bucket for bucket in BUCKETS for action in bucket.actions}
