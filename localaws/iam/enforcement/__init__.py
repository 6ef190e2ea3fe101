"""Permissions that count: who signed a request, what it needs, and whether the policies allow it.

`step` stands in the chain before everything that answers. It reads who asks (`authentication`), what that
needs (`localaws.iam.needs`, and for URLs of functions `function_urls`), and lets the `guard` hold it against
the policies that there are now (`principals`, `resource_policies`) and what else is known of the request
(`request_facts`). What is refused is worded as the service words it (`wording`); `recorder` writes down what
was asked for, `root_key` makes the first key, and `start` puts all of it up.
"""
