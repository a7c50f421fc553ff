"""List prices of instance types: what an hour costs on-demand, as AWS lists it for Linux in us-east-1.

Other Regions differ by a factor that is nearly the same for all types: which pool is the cheaper one is the same there.
"""

from collections.abc import Mapping

from steady.cluster import InstanceShape

# USD an hour for each vCPU of a family ("Amazon EC2 On-Demand Pricing"). Within these families the price is in
# proportion to the vCPUs.
USD_FOR_A_VCPU: Mapping[str, float] = {
    "c5": 0.0425,
    "c6g": 0.034,
    "c6i": 0.0425,
    "c7g": 0.03625,
    "m5": 0.048,
    "m6g": 0.0385,
    "m6i": 0.048,
    "m7g": 0.0408,
    "m7i": 0.0504,
    "r5": 0.063,
    "r6g": 0.0504,
    "r6i": 0.063,
    "r7g": 0.05355,
}
# USD an hour of types whose price is not in proportion to anything.
USD: Mapping[str, float] = {
    "g4dn.xlarge": 0.526,
    "g4dn.2xlarge": 0.752,
    "g4dn.4xlarge": 1.204,
    "g4dn.8xlarge": 2.176,
    "g4dn.12xlarge": 3.912,
    "g5.xlarge": 1.006,
    "g5.2xlarge": 1.212,
    "g5.4xlarge": 1.624,
    "g5.8xlarge": 2.448,
    "g5.12xlarge": 5.672,
    "g5g.xlarge": 0.42,
    "g5g.2xlarge": 0.556,
    "g5g.4xlarge": 0.828,
    "g5g.8xlarge": 1.372,
    "g5g.16xlarge": 2.744,
    "p3.2xlarge": 3.06,
}
# Of a type that is in neither table. The first two are those at which c5, m5 and r5 cost what they do, within 7 %; the
# third is what the GPU of a g4dn or g5 costs beyond that, in the mean.
USD_OF_A_VCPU, USD_OF_A_GIB, USD_OF_A_GPU = 0.0375, 0.003, 0.6
# The fraction of the list price that Spot is taken to cost where EC2 does not tell it. Real Spot prices change from
# hour to hour and from zone to zone.
SPOT_SHARE = 0.4


def list_price(shape: InstanceShape) -> float:
    """Return the USD of an hour on-demand of an instance of `shape`; of a type without a list price, an estimate.

    >>> from steady.cluster import Size
    >>> list_price(InstanceShape("m5.2xlarge", Size(8192, 30000)))
    0.384
    """
    if shape.name in USD:
        return USD[shape.name]
    vcpus, gib = shape.size.cpu_units / 1024, shape.size.memory_mib / 1024
    per_vcpu = USD_FOR_A_VCPU.get(shape.name.partition(".")[0])
    if per_vcpu is not None:
        return round(per_vcpu * vcpus, 6)
    return round(USD_OF_A_VCPU * vcpus + USD_OF_A_GIB * gib + USD_OF_A_GPU * shape.gpus, 6)


def price(shape: InstanceShape, spot: Mapping[str, float] | None) -> float:
    """Return the USD of an hour of `shape`.

    Args:
        spot: the Spot prices that are known, by type; None: it is bought on-demand.
    """
    if spot is None:
        return list_price(shape)
    return spot.get(shape.name, SPOT_SHARE * list_price(shape))
