"""Pure builders: settings and ids to boto3 request dicts."""
