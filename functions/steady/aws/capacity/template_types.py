"""The instance types that the launch templates of an empty pool name.

A group without a mixed instances policy names no type: its template does. Before it has launched an instance, nothing
else says what it can hold.
"""

from __future__ import annotations

from dataclasses import replace

from steady.aws.cache import Cache
from steady.aws.capacity.drift import template_version
from steady.aws.runtime import Runtime
from steady.pools import Pool, TemplateName

# What `$Latest` and `$Default` stand for may change.
TYPES = Cache[TemplateName, str](max_age_s=3600.0)


def with_template_types(runtime: Runtime, pool: Pool) -> Pool:
    """Return `pool` with the types that its launch templates name, if neither it nor its instances name any.

    A template that cannot be read, or that names no type, says nothing.
    """
    if pool.types or not pool.templates:
        return pool
    types = sorted({type_ for name in pool.templates if (type_ := _type(runtime, pool, name))})
    return replace(pool, weights=dict.fromkeys(types, 1.0)) if types else pool


def _type(runtime: Runtime, pool: Pool, name: TemplateName) -> str:
    known = TYPES.get(runtime, name)
    if known is not None:
        return known
    try:
        found: str = template_version(runtime, name)["LaunchTemplateData"].get("InstanceType", "")
    except Exception as error:
        runtime.telemetry.warning(
            f"what {pool.name} launches is not known, as its launch template could not be read; the next look tries "
            f"again: {error}"
        )
        return ""
    return TYPES.keep(runtime, name, found)
