"""What a request needs: which actions on which resources, and what policies may know of it.

`finding.find_needs` is asked. The facts of AWS stand in `tables/`, one file for each service by the name that
requests are signed for; each names the page it comes from:

    [on]        what an operation is authorised on -> operations; `*` where it has no resource level
    [actions]   operations that are authorised by actions of another name
    [[also]]    actions besides, `when` a member is sent
    [passes]    service -> member that is a role's ARN -> operations (iam:PassRole)
    [tags]      the member that holds tags, and the action that tags on creation need
    [facts]     condition key -> members that hold its values

`arns` says how resources are written, `filters` what makes ARNs of names; what a table cannot say (S3's
headers, EC2's tags by type) is in `objects` and `instances`.
"""
