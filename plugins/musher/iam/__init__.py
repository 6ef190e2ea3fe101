"""Audit an account: who may do too much in it, who may get at it, and what nobody uses.

    snapshot                ask AWS, by principals, credentials, listing, analyzer and looks
    account, grants         what was found: principals, policies, buckets, functions, endpoints, repositories
    documents, patterns,
    positions               policy documents: statements, wildcards, line and column
    rules/                  one small function for each rule, over an Account; `rules.catalog.ALL` is the list
    findings                a finding: severity, evidence, remedy
    remedies, narrowing     documents that allow less, and the proof that they do
    fixing                  apply remedies: the only calls that change something
    baseline                accepted findings, with a reason and an end
    audit                   run the rules, subtract the baseline
    text, sarif, records    the results for people, for code hosts, and as JSON

`python -m musher.iam audit` and the DAG `audit_iam` are the ways in; docs/iam-audit.md.
"""
