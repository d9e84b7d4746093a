"""What the emulator's CloudFormation drops from the template without a word, set through the API.

Expiry and recovery of tables and the bucket's lifecycle: with them, a stack on this machine is as
the template says, and the doctor can be tried on it.
"""

from typing import Final

from zeroidle_contract.table import EXPIRES_AT
from zeroidle_ops.stack.target import Target

_DAYS: Final = {"tenants/": 60, "redrive/": 90}
"""As in the template."""


def fill_gaps(target: Target) -> None:
    """Set them."""
    for table in (target.stack.jobs_table_name, target.stack.ops_table_name):
        target.dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES_AT},
        )
        target.dynamodb.update_continuous_backups(
            TableName=table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    target.s3.put_bucket_lifecycle_configuration(
        Bucket=target.stack.bucket_name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": prefix.strip("/"),
                    "Status": "Enabled",
                    "Filter": {"Prefix": prefix},
                    "Expiration": {"Days": days},
                }
                for prefix, days in _DAYS.items()
            ]
        },
    )
