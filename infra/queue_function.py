"""A Lambda function with the queue that feeds it, its dead-letter queue and its alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import alarm
from infra.settings.target import Settings
from infra.suite_function import SuiteFunction
from infra.wiring import Feed
from steady.names import CLUSTERS_VARIABLE

# SQS: 14 days at most.
KEPT_S = 14 * 24 * 3600


class QueueFunction(SuiteFunction):
    """A function that `queue` feeds. Messages that cannot be handled go to `dead_letters`, which has an alarm."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        feed: Feed,
        settings: Settings,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(
            scope,
            id_,
            name=feed.function,
            handler=feed.handler,
            timeout_s=feed.timeout_s,
            settings=settings,
            environment={CLUSTERS_VARIABLE: ",".join(c.name for c in settings.clusters), **environment},
        )
        self.feed = feed
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=cdk.Duration.seconds(KEPT_S),
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            visibility_timeout=cdk.Duration.seconds(feed.visibility_s),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=feed.max_receives),
        )
        self.function.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=feed.batch_size,
                max_batching_window=cdk.Duration.seconds(feed.window_s),
                report_batch_item_failures=True,
                max_concurrency=feed.max_concurrency,
            )
        )
        self.function.add_environment("DEAD_LETTER_QUEUE_URL", self.dead_letters.queue_url)
        self.may_send_to(self.dead_letters)
        self.feed_from_events(*feed.patterns)
        alarm(
            self,
            "DeadLettersAlarm",
            settings,
            name=f"{feed.function} has dead letters",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=cdk.Duration.minutes(1), statistic="Maximum"
            ),
            means=f"The function {feed.function} could not handle messages. They stay in its dead-letter queue for 14 "
            "days. A malformed message has its reason as the attribute error.",
            entry="dead-letters",
        )

    def feed_also_from(self, queue: sqs.IQueue) -> None:
        """Feed the function from a further `queue`, which is made elsewhere, and seldom has a message."""
        self.function.add_event_source(sources.SqsEventSource(queue, report_batch_item_failures=True))

    def feed_from_events(self, *patterns: Mapping[str, Any]) -> None:
        """Feed the function with the events of the default bus that match one of `patterns`."""
        for number, pattern in enumerate(patterns):
            rule = events.Rule(self, f"Rule{number}", event_pattern=_pattern(pattern))
            rule.add_target(targets.SqsQueue(self.queue, dead_letter_queue=self.dead_letters))


def _pattern(pattern: Mapping[str, Any]) -> events.EventPattern:
    names = {"source": "source", "detail-type": "detail_type", "detail": "detail"}
    return events.EventPattern(**{names[key]: value for key, value in pattern.items()})
