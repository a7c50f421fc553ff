"""Auto Scaling groups: they hold their desired capacity, and wait under a lifecycle hook before they terminate."""

from __future__ import annotations

import random
from typing import Any

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.clock import Clock
from simulator.ec2 import Ec2, Ec2Instance
from simulator.endpoint import Params
from simulator.errors import AwsError, NotSimulated
from simulator.group_api import changed_by, described_group, named_groups
from simulator.lifecycle_hooks import ABANDON, CONTINUE, LifecycleHooks, Waiting, described
from simulator.paging import numbered_page
from simulator.scaling_activities import begun_termination, failed_launch, no_spot
from simulator.timing import DEFAULT, Timing
from steady.names import CLUSTER_TAG

# Seconds until a group reacts to a change, without `Timing.fulfil_s`.
LOOK_S = 5.0
# Seconds until a group asks EC2 again for capacity that it did not get.
ASK_AGAIN_S = 60.0
# Seconds from a launch until the group takes the instance for in service.
IN_SERVICE_S = 60.0


class AutoScaling:
    """All Auto Scaling groups of the account.

    Attributes:
        hooks: the lifecycle hooks under which instances wait before they are terminated.

    Args:
        timing: how fast groups act (`Timing.fulfil_s`), and whether on-demand capacity is short (`on_demand_short`).
        rng: the source of these.
    """

    def __init__(self, clock: Clock, ec2: Ec2, timing: Timing = DEFAULT, rng: random.Random | None = None) -> None:
        self.clock = clock
        self.ec2 = ec2
        self.timing = timing
        self._rng = rng or random.Random(0)
        self.groups: dict[str, AutoScalingGroup] = {}
        self.hooks = LifecycleHooks(clock, lambda name: self._group(name).waiting, self._leave)

    def add(self, group: AutoScalingGroup) -> AutoScalingGroup:
        """Add a group to the account. Its first instances are registered at once."""
        self.groups[group.name] = group
        if not group.overrides:
            self.ec2.templates.of(group.template).instance_type = group.instance_type
        self._fill(group, booted=True)
        return group

    def fail(self, instance: Ec2Instance) -> None:
        """Let an instance fail its status checks. Its group replaces it."""
        group = self.groups[instance.tags["aws:autoscaling:groupName"]]
        self._terminate(group, instance)

    def interrupt(self, instance: Ec2Instance) -> None:
        """Let the group of an instance react to its interruption notice.

        Auto Scaling User Guide, "Capacity Rebalancing": where an instance receives a final two-minute interruption
        notice, the group calls the termination lifecycle hook and attempts to launch a replacement immediately. Without
        Capacity Rebalancing it replaces the instance once that is interrupted and its health check fails.
        """
        group = self.groups.get(instance.tags.get("aws:autoscaling:groupName", ""))
        if group and group.capacity_rebalance:
            self._terminate(group, instance)
            self.look_soon(group)

    def leave(self, instance: Ec2Instance) -> None:
        """Let the group of an instance react to its rebalance recommendation.

        Auto Scaling User Guide, "Capacity Rebalancing": it launches another Spot Instance, waits until that has passed
        its health check, and then ends the old one, under the hook. If a launch fails, it keeps trying.
        """
        group = self.groups[instance.tags["aws:autoscaling:groupName"]]
        if not group.capacity_rebalance or instance not in group.staying():
            return
        group.replaced.add(instance.id)
        if self._launch(group):
            self.clock.after(IN_SERVICE_S, lambda: self._terminate(group, instance))
            return
        group.replaced.discard(instance.id)
        self.clock.after(ASK_AGAIN_S, lambda: self.leave(instance))

    def describe_auto_scaling_groups(self, params: Params) -> dict[str, Any]:
        asked = named_groups(params) or list(self.groups)
        found = [described_group(self.groups[name]) for name in asked if name in self.groups]
        # Auto Scaling API: 50 groups a page, or up to 100.
        return numbered_page("AutoScalingGroups", found, params, size_name="MaxRecords", default=50, most=100)

    def set_desired_capacity(self, params: Params) -> dict[str, Any]:
        group = self._group(params["AutoScalingGroupName"])
        desired = params["DesiredCapacity"]
        if params.get("HonorCooldown"):
            raise NotSimulated("SetDesiredCapacity with HonorCooldown")
        if not group.minimum <= desired <= group.maximum:
            raise AwsError("ValidationError", f"New SetDesiredCapacity value {desired} is out of the group's bounds")
        group.desired = desired
        self.look_soon(group)
        return {}

    def update_auto_scaling_group(self, params: Params) -> dict[str, Any]:
        changed_by(group := self._group(params["AutoScalingGroupName"]), params)
        self.look_soon(group)
        return {}

    def terminate_instance_in_auto_scaling_group(self, params: Params) -> dict[str, Any]:
        """Terminate an instance, unless AWS refuses: ResourceContention, ScalingActivityInProgress (API Reference)."""
        for group in self.groups.values():
            instance = group.members.get(params["InstanceId"])
            if instance is None:
                continue
            if instance.refuses_termination:
                raise instance.refuses_termination
            if params["ShouldDecrementDesiredCapacity"] and instance in group.staying():
                weight = group.weight(instance.instance_type)
                if group.desired - weight < group.minimum:
                    raise AwsError("ValidationError", "Terminating the instance would violate the group's min size")
                group.desired -= weight
            scale_in = params["ShouldDecrementDesiredCapacity"]
            self._terminate(group, instance, to_warm_pool=scale_in and group.reuse_on_scale_in)
            return {"Activity": begun_termination(group.name, instance.id, self.clock.now)}
        raise AwsError("ValidationError", f"Instance Id not found - No managed instance found: {params['InstanceId']}")

    def describe_scaling_activities(self, params: Params) -> dict[str, Any]:
        """Describe the activities of a group, the latest first: up to 100 a page (Auto Scaling API)."""
        found = self._group(params["AutoScalingGroupName"]).activities
        return numbered_page("Activities", found, params, size_name="MaxRecords", default=100, most=100)

    def describe_lifecycle_hooks(self, params: Params) -> dict[str, Any]:
        group = self._group(params["AutoScalingGroupName"])
        wanted = params.get("LifecycleHookNames", group.hooks())
        found = [
            described(group.name, name, s, ABANDON if name in group.abandoning else CONTINUE)
            for name, s in group.hooks().items()
            if name in wanted
        ]
        return {"LifecycleHooks": found}

    def _group(self, name: str) -> AutoScalingGroup:
        if name not in self.groups:
            raise AwsError("ValidationError", f"AutoScalingGroup name not found - no such group: {name}")
        return self.groups[name]

    def _terminate(self, group: AutoScalingGroup, instance: Ec2Instance, *, to_warm_pool: bool = False) -> None:
        """Terminate an instance, under the hook if there is one.

        It first leaves the target groups in which the group has registered it, and its requests end (Auto Scaling User
        Guide, "Amazon EC2 Auto Scaling instance lifecycle": "the terminating instance is first deregistered from the
        load balancer", and connection draining is waited for). Then it waits under the hook.

        An instance on its way to the warm pool waits under the same hook (Auto Scaling User Guide, "Amazon EC2 Auto
        Scaling event reference": its event has WarmPool as the Destination).
        """
        if instance not in group.staying():
            return
        targets = instance.container_instance.targets if instance.container_instance else []
        for target in targets:
            self.ec2.scheduler.balancing.deregister(target)
        left_at = max((t.unused_at or 0.0 for t in targets), default=0.0)
        if left_at <= self.clock.now:
            self._wait(group, instance, to_warm_pool=to_warm_pool)
            return
        group.leaving.add(instance.id)
        self.clock.at(left_at, lambda: self._wait(group, instance, to_warm_pool=to_warm_pool))
        self.look_soon(group)

    def _wait(self, group: AutoScalingGroup, instance: Ec2Instance, *, to_warm_pool: bool) -> None:
        group.leaving.discard(instance.id)
        if instance.id not in group.members:
            return
        waiting = group.waiting[instance.id] = Waiting(instance, self.clock.now, to_warm_pool=to_warm_pool)
        self.hooks.hold(group.name, waiting, group.hooks(), group.abandoning)
        if group.hooks():
            self.look_soon(group)

    def _leave(self, name: str, waiting: Waiting) -> None:
        group, instance = self.groups[name], waiting.instance
        if not group.waiting.pop(instance.id, None):
            return
        if waiting.to_warm_pool and instance.alive:
            group.warm[instance.id] = group.members.pop(instance.id)
            self.ec2.stop(instance)
            self.look_soon(group)
        else:
            self.ec2.terminate(instance)

    def look_soon(self, group: AutoScalingGroup) -> None:
        """Let the group compare what it holds with its desired capacity, as soon as it does."""
        if not group.look_pending:
            group.look_pending = True
            acts_in_s = self._rng.uniform(*self.timing.fulfil_s) if self.timing.fulfil_s else LOOK_S
            self.clock.after(acts_in_s, lambda: self._look(group))

    def _look(self, group: AutoScalingGroup) -> None:
        group.look_pending = False
        self._fill(group)
        excess = group.units() - group.desired
        if self.clock.now < group.rebalances_until or not group.may_terminate:
            return
        while excess > 0:
            ends = next((i for i in group.next_to_end() if group.weight(i.instance_type) <= excess), None)
            if ends is None:
                break
            group.note_end(ends)
            self._terminate(group, ends, to_warm_pool=group.reuse_on_scale_in)
            excess -= group.weight(ends.instance_type)
        self._rebalance(group)
        self._realign(group)

    def _realign(self, group: AutoScalingGroup) -> None:
        """Replace an instance that is not bought as the policy says: launch the other kind, and then end that one.

        CloudFormation, AWS::AutoScaling::AutoScalingGroup InstancesDistribution: "An update to this setting means a
        gradual replacement of instances to adjust the current On-Demand Instance levels. When replacing instances,
        Amazon EC2 Auto Scaling launches new instances before terminating the previous ones." It also does so after a
        termination that left the two out of proportion (kubernetes/autoscaler, issue 6787).
        """
        is_whole = group.units() == group.desired
        if self.clock.now < group.rebalances_until or not is_whole or not group.is_misaligned():
            return
        if not self._launch(group):
            self.clock.after(ASK_AGAIN_S, lambda: self.look_soon(group))
            return
        group.realigned += 1
        group.rebalances_until = self.clock.now + IN_SERVICE_S
        self.clock.after(IN_SERVICE_S, lambda: self.look_soon(group))

    def _rebalance(self, group: AutoScalingGroup) -> None:
        """Launch an instance in the zone with the fewest, and end one of another zone after that: AZRebalance.

        Auto Scaling API, TerminateInstanceInAutoScalingGroup: "If you decrement the desired capacity, your Auto Scaling
        group can become unbalanced between Availability Zones. [It] tries to rebalance the group, and rebalancing might
        terminate instances in other zones." User Guide, "Rebalancing activities": it launches before it terminates.
        """
        is_whole = group.units() == group.desired
        if "AZRebalance" in group.suspended or not is_whole or not group.is_unbalanced() or not self._launch(group):
            return
        group.rebalances += 1
        group.rebalances_until = self.clock.now + IN_SERVICE_S
        self.clock.after(IN_SERVICE_S, lambda: self.look_soon(group))

    def _fill(self, group: AutoScalingGroup, *, booted: bool = False) -> None:
        missing = group.desired - group.units()
        while missing > 0 and (launched := self._launch(group, booted=booted)):
            missing -= group.weight(launched.instance_type)
            group.activities.clear()
        if missing > 0 and group.may_launch:
            is_spot = not group.next_is_on_demand()
            failed = no_spot(group.name, self.clock.now) if is_spot and group.lacks_spot() else None
            failed = failed or failed_launch(
                group.name, sorted(group.unavailable) or [group.instance_type], self.clock.now
            )
            group.activities.insert(0, failed)
        if missing > 0:
            self.clock.after(ASK_AGAIN_S, lambda: self.look_soon(group))

    def _launch(self, group: AutoScalingGroup, *, booted: bool = False) -> Ec2Instance | None:
        if not group.may_launch:
            return None
        if group.warm:
            instance = group.warm.pop(next(iter(group.warm)))
            group.members[instance.id] = instance
            self.ec2.start(instance)
            return instance

        def gone(instance: Ec2Instance) -> None:
            group.members.pop(instance.id, None)
            group.warm.pop(instance.id, None)
            group.waiting.pop(instance.id, None)
            group.leaving.discard(instance.id)
            group.replaced.discard(instance.id)
            self.look_soon(group)

        on_demand = group.next_is_on_demand()
        instance_type = group.next_type(on_demand=on_demand)
        is_short = not booted and on_demand and self._rng.random() < self.timing.on_demand_short
        if instance_type is None or is_short or (not on_demand and group.lacks_spot()):
            return None
        tags = {"aws:autoscaling:groupName": group.name, CLUSTER_TAG: group.cluster.name}
        instance = self.ec2.launch(
            group.cluster,
            instance_type,
            tags,
            gone,
            booted=booted,
            boots=group.image_boots,
            on_demand=on_demand,
            target_groups=group.target_groups,
            provider=group.provider,
            attributes=group.attributes,
            zone=next(iter(group.units_by_zone())),
            template=group.template,
            version=group.template_version,
        )
        group.members[instance.id] = instance
        return instance
