#!/bin/bash
# User data of an EC2 instance that is one training job: fetches the training code, checks its hash, and lets
# ec2_job.py do the job. Whatever happens, the instance shuts itself down, which terminates it: a job costs
# nothing once it is over, also where nobody looks at it any more.
#
# musher/payloads/ec2.py fills in the words between two @. It takes bash, the aws command, tar, sha256sum
# and Python 3.9 of the image: Amazon Linux 2023 and AWS's Deep Learning AMIs have them.
set -u
JOB_NAME=@JOB_NAME@
OUTPUT=@OUTPUT_URI@/$JOB_NAME/output
CODE_URI=@CODE_URI@
CODE_SHA256=@CODE_SHA256@
LIMIT_S=@LIMIT_S@
export AWS_DEFAULT_REGION=@REGION@
export AWS_MAX_ATTEMPTS=5
# cloud-init sets no HOME, which pip and the aws command ask for.
export HOME=/root

WORK=/opt/musher
export MUSHER_JOB_LOG=$WORK/job.log MUSHER_JOB_TOLD=$WORK/told
umask 077
mkdir -p $WORK/code
exec > >(tee -a "$MUSHER_JOB_LOG") 2>&1

# The last bound, in whole minutes: beyond the job's own limit and the time that its upload may take.
shutdown -P +$((LIMIT_S / 60 + 15))

reason="the start of the instance failed"
finish() {
    trap - EXIT TERM
    if [ ! -e "$MUSHER_JOB_TOLD" ]; then
        echo "$JOB_NAME: $reason"
        printf '{"job_name": "%s", "status": "Failed", "reason": "%s"}' "$JOB_NAME" "$reason" |
            timeout 60 aws s3 cp --only-show-errors - "$OUTPUT/ended.json"
    fi
    shutdown -P now
}
trap finish EXIT
# Somebody terminates the instance, or AWS takes it away: EC2 says that better than this script.
trap 'touch "$MUSHER_JOB_TOLD"; exit 143' TERM

echo "$JOB_NAME: the instance has started"
if ! command -v aws python3 tar sha256sum > /dev/null; then
    reason="the image lacks one of aws, python3, tar and sha256sum: choose Amazon Linux 2023 or a Deep Learning AMI"
    exit 1
fi
if ! timeout 300 aws s3 cp --only-show-errors "$CODE_URI" $WORK/code.tar.gz; then
    reason="$CODE_URI could not be fetched: look at the route out of the subnet and at the instance's role"
    exit 1
fi
if ! echo "$CODE_SHA256  $WORK/code.tar.gz" | sha256sum --check --quiet; then
    reason="$CODE_URI is not what was uploaded: its SHA-256 is another one. Delete it, and clear the task"
    exit 1
fi
if ! tar -xzf $WORK/code.tar.gz --no-same-owner -C $WORK/code; then
    reason="$CODE_URI could not be unpacked"
    exit 1
fi
cat > $WORK/order.json << 'ORDER'
@ORDER@
ORDER
reason="ec2_job.py ended without a word: the log's last lines say why"
# In the background, so that the trap is not kept until it ends.
timeout --signal=TERM --kill-after=120 $((LIMIT_S + 600)) python3 $WORK/code/ec2_job.py $WORK/order.json "$JOB_NAME" &
wait $!
code=$?
# 124 or 137: out of time. The job took that for a shutdown, of which EC2 would tell, unless it has said how it ended.
if [ $code -eq 124 ] || [ $code -eq 137 ]; then
    [ -s "$MUSHER_JOB_TOLD" ] || rm -f "$MUSHER_JOB_TOLD"
    reason="the job took more than $((LIMIT_S + 600)) s in all, packages and data included. Raise max_runtime_s"
fi
