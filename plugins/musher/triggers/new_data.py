"""Watch a prefix of S3 in the triggerer, for an asset that DAGs are scheduled on.

The provider's triggers do not fit. S3KeyTrigger and S3KeysUnchangedTrigger are no event triggers and remember
nothing between two firings. SqsSensorTrigger needs a queue, a notification of the bucket, which may be
somebody else's, and fires for each of ten thousand uploads, whether or not others follow.
"""

import logging
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from musher import clock
from musher.datasets.new_objects import Look, Tally, Watch, pause_s

logger = logging.getLogger(__name__)

ANNOUNCED = "announced"
"""The key in the asset's state store that outlives the triggerer."""


class NewDataTrigger(BaseEventTrigger):
    """List a source from time to time; fire for each set of objects that two looks in a row have shown.

    It never ends by itself: a trigger of an asset that fails is started again at once, without a pause.
    """

    def __init__(self, *, bucket: str, key: str, quiet_s: float, aws_conn_id: str, region_name: str) -> None:
        """Take a prefix without slashes around it, or a zip's key, and the seconds between two looks."""
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.bucket = bucket
        self.key = key
        self.quiet_s = quiet_s
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self._watch = Watch()
        self._stored: str | None = None
        self._pages = 1

    @property
    def source(self) -> str:
        """Return the address that is watched."""
        return f"s3://{self.bucket}/{self.key}"

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        names = ("bucket", "key", "quiet_s", "aws_conn_id", "region_name")
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look for ever; fire where there is news."""
        while True:
            if look := await self._find_news():
                logger.info("%s: %d objects, %d bytes are new", self.source, look.objects, look.bytes)
                yield TriggerEvent(  # type: ignore[no-untyped-call]  # Airflow's is untyped
                    {"source": self.source, "objects": look.objects, "bytes": look.bytes}
                )
            await clock.sleep(pause_s(self._pages, quiet_s=self.quiet_s))

    async def _find_news(self) -> Look | None:
        """Look once; return what is to be announced."""
        try:
            await self._remember()
            look = await self._look()
        except Exception as error:  # noqa: BLE001 - a process boundary: the watch outlives whatever it is
            logger.warning("%s: look failed, looking again: %s", self.source, _explain(error))
            return None
        self._pages = look.pages
        return look if self._watch.take(look) else None

    async def _remember(self) -> None:
        """Recall at the first look what was announced last; at each later one, store what is new of that.

        So it is stored a look later, when its event has long left this process: where the triggerer ends in
        between, it is announced twice, never not at all.
        """
        if self._stored is None:
            self._stored = self._watch.announced = await self._recall()
        elif self._watch.announced != self._stored:
            await self._store(self._watch.announced)
            self._stored = self._watch.announced

    async def _look(self) -> Look:
        """List the source; the client is made anew, so that it never has credentials of an hour ago."""
        tally, is_zip = Tally(), self.key.lower().endswith(".zip")
        arguments: dict[str, Any] = {"Bucket": self.bucket, "Prefix": self.key if is_zip else f"{self.key}/"}
        if is_zip:  # the shortest key that begins so comes first
            arguments["PaginationConfig"] = {"MaxItems": 1, "PageSize": 1}
        async with await (await self._hook()).get_async_conn() as client:
            async for page in client.get_paginator("list_objects_v2").paginate(**arguments):
                found = page.get("Contents", [])
                tally.add([item for item in found if item["Key"] == self.key] if is_zip else found)
        return tally.look()

    async def _hook(self) -> Any:
        """Return a hook for S3; AirflowNotFoundException where Airflow has no such connection.

        The provider would only warn, and go on with whatever credentials the machine has.
        """
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook
        from airflow.sdk import BaseHook
        from botocore.config import Config

        from musher.hooks.answers import with_whole_answers

        await BaseHook.aget_connection(self.aws_conn_id)
        config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
        hook = S3Hook(aws_conn_id=self.aws_conn_id, region_name=self.region_name, config=config)
        return with_whole_answers(hook)

    async def _recall(self) -> str:
        """Return the digest that was announced last for this source; empty where none is known."""
        if not self._has_store():
            return ""
        known = await self.asset_state_store.aget(ANNOUNCED)  # type: ignore[union-attr]  # see _has_store
        if isinstance(known, dict) and known.get("source") == self.source:
            return str(known.get("digest", ""))
        return ""

    async def _store(self, digest: str) -> None:
        """Keep the digest for the triggerer that comes after this one."""
        if self._has_store():
            value: Any = {"source": self.source, "digest": digest}
            await self.asset_state_store.aset(ANNOUNCED, value)  # type: ignore[union-attr]  # see _has_store

    def _has_store(self) -> bool:
        """Return whether there is a state store that a trigger can wait for, as of Airflow 3.3.2."""
        return hasattr(getattr(self, "asset_state_store", None), "aget")


def _explain(error: Exception) -> Exception:
    """Return what to do about an error of AWS's, where it does not pass by itself; else the error."""
    from botocore.exceptions import ClientError

    from musher.hooks.refusals import read_refusal

    return (read_refusal(error) if isinstance(error, ClientError) else None) or error
