"""AWS::Lambda::* in templates: made by what the API's actions do, and held against the same model.

moto finds a resource's class by its type among the subclasses of CloudFormationModel; one that is defined
later takes the place of moto's own.
"""
