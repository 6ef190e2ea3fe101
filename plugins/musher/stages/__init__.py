"""The task groups and tasks that DAGs are composed of."""
