"""Make AWS sessions that read botocore's service models once for a process.

botocore reads and parses its models for each session, and the provider makes a session for each hook: 0.1 s
of every client. Set `AIRFLOW__AWS__SESSION_FACTORY=musher.hooks.sessions.OneLoaderSessionFactory` where many
tasks share a process, as in `airflow dags test`; everything else is as without it. The provider shares a
loader among the sessions of its triggers in the same way.
"""

import functools
from typing import Any

import boto3
import botocore.session
from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
from botocore.loaders import Loader, create_loader


@functools.cache
def loader_of(data_path: str | None) -> Loader:
    """Return the one loader of botocore's models and those of AWS_DATA_PATH; it keeps what it read."""
    return create_loader(data_path)


class OneLoaderSessionFactory(BaseSessionFactory):
    """The provider's factory of sessions, with one loader for all of them."""

    def _create_basic_session(self, session_kwargs: dict[str, Any]) -> boto3.session.Session:
        """Return a session of these credentials, profile and region."""
        core = botocore.session.get_session()
        loader = loader_of(core.get_config_variable("data_path"))
        core.register_component("data_loader", loader)
        session = boto3.session.Session(botocore_session=core, **session_kwargs)
        loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # boto3 adds its folder each time
        return session
