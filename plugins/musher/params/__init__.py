"""The Params of the DAGs' trigger forms, a module per section."""
