"""Service-out: notices of EC2, Auto Scaling and AWS Health reach the interruption handler."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import permissions, wiring
from infra.hook import add_hook
from infra.queue_function import QueueFunction
from infra.settings.target import Settings


class ServiceOutStack(cdk.Stack):
    """The interruption handler, and its hook on each adopted group. The handler sends a trigger to the autoscaler."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        autoscaler_queue: sqs.IQueue,
        unserved_queue: sqs.IQueue,
        ledger: dynamodb.ITable,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        handler = QueueFunction(
            self,
            "InterruptionHandler",
            feed=wiring.INTERRUPTION,
            settings=settings,
            environment={"AUTOSCALER_QUEUE_URL": autoscaler_queue.queue_url, "LEDGER_TABLE": ledger.table_name},
        )
        self.functions = (handler,)
        handler.function.add_environment("QUEUE_URL", handler.queue.queue_url)
        handler.feed_also_from(unserved_queue)
        handler.may_send_to(handler.queue)
        handler.may_send_to(autoscaler_queue)
        permissions.may_read_thresholds(handler)
        permissions.may_work_in_clusters(
            handler,
            settings,
            "ecs:UpdateContainerInstancesState",
            "ecs:PutAttributes",
            "ecs:GetTaskProtection",
            "ecs:StopTask",
        )
        permissions.may_read_revisions(handler, settings)
        permissions.may_deregister_targets(handler)
        permissions.may_find_pools(handler)
        permissions.may_answer_hooks(handler, settings)
        permissions.may_lease(handler, ledger)
        for cluster in settings.clusters:
            for one in cluster.adopted_pools:
                if one.pool.kind.traits.waits_under_hook and one.hook:
                    id_ = "-".join(filter(None, ("Hook", cluster.name, one.name)))
                    add_hook(self, id_, one.pool.name)
