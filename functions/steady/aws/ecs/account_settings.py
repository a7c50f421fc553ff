"""Read whether the account's container instances get ENI trunks (the account setting `awsvpcTrunking`)."""

from __future__ import annotations

from typing import Literal

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime

TRUNKING: Literal["awsvpcTrunking"] = "awsvpcTrunking"
# ECS API, PutAccountSetting: the values of a setting that is on.
ON = ("enabled", "on")
# Whether it is on, as of the last hour. It changes perhaps once in the life of an account.
KNOWN = Cache[str, bool](max_age_s=3600.0)
# That it could not be read, as of the last minutes: a throttled call must not stand for an hour.
UNREADABLE = Cache[str, bool](max_age_s=300.0)


def instances_get_trunks(runtime: Runtime) -> bool:
    """Return whether instances that register from now on get a trunk, as far as the account's default says.

    The setting that counts is that of the role with which an instance registers, or else the account's default (ECS
    Developer Guide, "Increasing Amazon ECS Linux container instance network interfaces"). Only that role itself and the
    root user may read the role's own (ECS API, ListAccountSettings, principalArn). The functions' roles have none, so
    their effective setting is the default. If ECS refuses the call, it is taken for off, as it is in a new account, and
    asked for again some minutes later.
    """
    known = KNOWN.get(runtime, TRUNKING)
    if known is not None:
        return known
    if UNREADABLE.get(runtime, TRUNKING):
        return False
    try:
        settings = runtime.ecs_quick.list_account_settings(name=TRUNKING, effectiveSettings=True)["settings"]
    except Exception as error:
        runtime.telemetry.warning(
            f"the account setting {TRUNKING} cannot be read, so an instance type of which no instance has registered "
            f"yet is taken to have no trunk: {error}"
        )
        UNREADABLE.keep(runtime, TRUNKING, value=True)
        return False
    return KNOWN.keep(runtime, TRUNKING, any(one.get("value") in ON for one in settings))
