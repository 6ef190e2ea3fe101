"""CloudFormation: what moto's stacks do otherwise than AWS's."""
