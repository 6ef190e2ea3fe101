"""An AWS for one laptop: moto's API state, plus processes that really train, serve and run functions.

The way of a request: `server` and `connections` hand it to `app`, whose chain of steps looks at it in turn:
`origins` and `sandbox` (web pages), `wire` (request ids, CBOR), `faults`, native routes (what services
`register`: invocations, function URLs, clock, status), `s3` (objects), `wire` (AWS's models). What none has
answered `moto_bridge` gives to moto, where `assembly` has put our backends and actions in place of moto's.
The way of a job: an action asks a backend, which checks (validation), notes (states) and starts a runner. Its
children run under `processes`, each with a view (`namespaces`) and packages (`overlays`) of its own, and the
credentials of its role (`iam`); bytes travel by `storage` and `archives`, lines by `logs`, time by `clock`.

    autoscaling  targets that really scale: alarms hand their policies over
    cloudformation cloudwatch cloudwatch_logs iam    what moto leaves out of these services
    ec2          instances that run their user data, with metadata of their own
    functions    Lambda: addresses aliases concurrency events layers permissions sources stacks
    s3           objects in files
    sagemaker    jobs (training processing transform tuning), endpoints, notebooks, registry, search
    wire         AWS's service models: requests that break them are refused
    faults       rules that break calls and kill children, AWS's rates of requests
    status       the page at /_localaws/
    children     programs of other processes: none imports localaws, nor more than it must

A role has one file name in every folder:

    backend       the state: a mix-in over moto's backend
    actions       answers to API calls: a mix-in over moto's responses
    models        the backend of a service, put together from its mix-ins
    responses     the actions of a service, put together likewise
    urls          moto's URLs, answered by `responses` (moto looks for it beside `models`)
    spec          what one resource asks for, read from a request; frozen
    job           one job: moto's object, in motion
    states        which states there are, and which may follow which
    wording       AWS's sentences
    errors        AWS's errors (or exceptions of the folder's own)
    validation    what is refused before anything starts
    listing       pages of lists: what is asked for, in order
    answers       how AWS answers where moto does otherwise
    description   rows of the status page
    runner        the thread of one job
    service       what runs, with a life cycle and routes: the list is in `assembly`
    container     what a process finds as in AWS's container: folders, files, variables
    cloudformation  what moto's CloudFormation does to resources, put right
    step          one step of the chain
"""
