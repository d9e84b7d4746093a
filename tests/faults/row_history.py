"""Every state that a write left a row in, in the order of the writes: the table's own stream."""

from typing import Any

from faults.checker import Version

from zeroidle_contract import table as t
from zeroidle_contract.result import Status


class RowHistory:
    """Reads a table's stream, which must be on (NEW_IMAGE) and read at least once a day."""

    def __init__(self, *, dynamodb: Any, streams: Any, table: str) -> None:
        dynamodb.update_table(
            TableName=table,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.versions: dict[str, list[Version]] = {}
        self._streams = streams
        self._arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        self._last = ""

    def read(self) -> None:
        """Take in what was written since the last time."""
        iterator = self._iterator()
        while True:
            answer = self._streams.get_records(ShardIterator=iterator, Limit=1000)
            for record in answer["Records"]:
                change = record["dynamodb"]
                if change["SequenceNumber"] > self._last:
                    self._last = change["SequenceNumber"]
                    self._take(change["NewImage"])
            if not answer["Records"]:
                return
            iterator = answer["NextShardIterator"]

    def _iterator(self) -> str:
        [shard] = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        where: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if self._last and self._last >= shard["SequenceNumberRange"]["StartingSequenceNumber"]:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last}
        iterator: str = self._streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], **where
        )["ShardIterator"]
        return iterator

    def _take(self, item: t.Item) -> None:
        name = t.text(item, t.JOB_ID) or ""
        self.versions.setdefault(name, []).append(
            Version(
                status=Status(item[t.STATUS]["S"]),
                fence=t.number(item, t.FENCE) or 0,
                attempts=t.number(item, t.ATTEMPTS) or 0,
                commits=t.number(item, t.COMMITS) or 0,
                result=t.text(item, t.RESULT) or t.text(item, t.RESULT_S3),
                owner=t.text(item, t.LEASE_OWNER),
            )
        )
