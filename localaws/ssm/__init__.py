"""Systems Manager's commands, which run in instances of EC2."""
