"""Make AWS sessions that read botocore's service models once for a process.

botocore reads and parses its models for each session, and the provider makes a session for each hook: 0.1 s
of every client. Set `AIRFLOW__AWS__SESSION_FACTORY=musher.hooks.sessions.OneLoaderSessionFactory` where many
tasks share a process, as in `airflow dags test`; everything else is as without it. The provider shares a
loader among the sessions of its triggers in the same way.
"""

from typing import Any

import boto3
import botocore.session
from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
from botocore.loaders import Loader

LOADER = Loader()
"""The models that were read so far: a few tens of MB at most."""


class OneLoaderSessionFactory(BaseSessionFactory):
    """The provider's factory of sessions, with one loader for all of them."""

    def _create_basic_session(self, session_kwargs: dict[str, Any]) -> boto3.session.Session:
        """Return a session of these credentials, profile and region."""
        core = botocore.session.get_session()
        core.register_component("data_loader", LOADER)
        session = boto3.session.Session(botocore_session=core, **session_kwargs)
        LOADER.search_paths[:] = dict.fromkeys(LOADER.search_paths)  # boto3 adds its folder each time
        return session
