"""cAdvisor on each container instance of a cluster, as a daemon service."""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.daemon import daemon_service
from monitoring.configuration import CADVISOR_PORT

CPU_UNITS, MEMORY_MIB, MEMORY_LIMIT_MIB = 64, 128, 512
# All are mounted read-only (cAdvisor: "Running cAdvisor").
READ = {
    "/": "/rootfs",
    "/var/run": "/var/run",
    "/sys": "/sys",
    "/var/lib/docker": "/var/lib/docker",
    "/dev/disk": "/dev/disk",
}
# The ECS agent's labels of a container. monitoring/prometheus.yml turns them into the labels of our metrics.
LABELS = (
    "com.amazonaws.ecs.cluster",
    "com.amazonaws.ecs.container-name",
    "com.amazonaws.ecs.task-arn",
    "com.amazonaws.ecs.task-definition-family",
    "com.amazonaws.ecs.task-definition-version",
)
ARGUMENTS = (
    "--docker_only=true",
    # Only the labels that are named below.
    "--store_container_labels=false",
    f"--whitelisted_container_labels={','.join(LABELS)}",
    # Only kinds that rules and dashboards use: each further kind adds series for each container.
    "--enable_metrics=cpu,memory,network,oom_event",
    "--housekeeping_interval=15s",
)


class Cadvisor(Construct):
    """The daemon service of one cluster; each instance answers on the port `CADVISOR_PORT`."""

    def __init__(self, scope: Construct, id_: str, *, cluster: ecs.ICluster, image: str) -> None:
        super().__init__(scope, id_)
        task = ecs.Ec2TaskDefinition(self, "Task", family="steady-cadvisor", network_mode=ecs.NetworkMode.BRIDGE)
        process = ecs.LinuxParameters(task, "Process")
        process.drop_capabilities(ecs.Capability.ALL)
        # cAdvisor reads the kernel's log for containers killed for lack of memory. There is no other source.
        process.add_capabilities(ecs.Capability.SYSLOG)
        process.add_devices(ecs.Device(host_path="/dev/kmsg", permissions=[ecs.DevicePermission.READ]))
        container = task.add_container(
            "cadvisor",
            image=ecs.ContainerImage.from_registry(image),
            command=list(ARGUMENTS),
            cpu=CPU_UNITS,
            memory_reservation_mib=MEMORY_MIB,
            memory_limit_mib=MEMORY_LIMIT_MIB,
            linux_parameters=process,
            readonly_root_filesystem=True,
            docker_security_options=["no-new-privileges"],
            logging=ecs.JsonFileLogDriver(max_size="10m", max_file=3),
        )
        container.add_port_mappings(ecs.PortMapping(container_port=8080, host_port=CADVISOR_PORT))
        for number, (source, target) in enumerate(READ.items()):
            name = f"host-{number}"
            task.add_volume(name=name, host=ecs.Host(source_path=source))
            container.add_mount_points(ecs.MountPoint(source_volume=name, container_path=target, read_only=True))
        self.service = daemon_service(self, "steady-cadvisor", cluster, task)
