"""What watches a deployment: the stacks of its alarms and dashboards as one template."""

from aws_cdk.assertions import Template

from infra.stacks import Stacks


def watch_template(added: Stacks) -> Template:
    """The resources of the suite's own stack and of each cluster's."""
    resources = {
        f"{stack.stack_name}/{key}".replace("-", "").replace("/", ""): resource
        for stack in (added.watch, *added.cluster_watches)
        for key, resource in Template.from_stack(stack).to_json()["Resources"].items()
    }
    return Template.from_json({"Resources": resources})
