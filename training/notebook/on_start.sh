# Runs as root at each start of a notebook instance, the first one too, for five minutes at most: AWS fails an
# instance whose script takes longer or ends with an error. plugins/musher/payloads/notebooks.py writes before
# it: the variables below, and $FOLDER with autostop.py.
#   FOLDER        where that program lies
#   IDLE_MINUTES  minutes without use after which the instance is stopped
#   CODE_BUCKET, CODE_KEY, CODE_VERSION  the archive of the project's code, whose program is prepare.py
#   MUSHER_PROJECT, MUSHER_BUCKET, MUSHER_ENDPOINT, AWS_DEFAULT_REGION  for the kernel, exported
set -eu

CONDA=/home/ec2-user/anaconda3

# Jupyter's own environment has boto3, wherever the image keeps it.
find_python() {
    for candidate in "$CONDA"/envs/JupyterSystemEnv/bin/python "$CONDA"/bin/python /usr/bin/python3 \
        "$(command -v python3 || true)"; do
        if [ -x "$candidate" ] && "$candidate" -c 'import boto3' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

if ! PYTHON="$(find_python)"; then
    echo "No Python with boto3 was found, without which the instance cannot stop itself." >&2
    exit 1
fi

date +%s > "$FOLDER/last_use"
chown ec2-user "$FOLDER/last_use"
# As the user: Python and its packages are the user's, who must not become root by changing them.
LOOK="sudo -u ec2-user $PYTHON $FOLDER/autostop.py --idle-minutes $IDLE_MINUTES"
LOOK="$LOOK >> /var/log/musher-autostop.log 2>&1"
if command -v crontab > /dev/null; then
    { crontab -l 2>/dev/null | grep -v "$FOLDER/autostop.py" || true; echo "*/5 * * * * $LOOK"; } | crontab -
    echo "Stops after $IDLE_MINUTES minutes without use, by cron; log: /var/log/musher-autostop.log"
else
    # Amazon Linux 2023 has no cron of its own.
    nohup sh -c "while sleep 300; do $LOOK; done" > /dev/null 2>&1 < /dev/null &
    echo "Stops after $IDLE_MINUTES minutes without use, without cron; log: /var/log/musher-autostop.log"
fi

# In the background, as torch takes longer than five minutes; as the user, whose files they become.
FETCH='import boto3, sys; boto3.client("s3").download_file(*sys.argv[1:])'
CODE=/home/ec2-user/.musher-code.zip
nohup sudo -u ec2-user -H env AWS_DEFAULT_REGION="$AWS_DEFAULT_REGION" MUSHER_PROJECT="$MUSHER_PROJECT" \
    MUSHER_BUCKET="$MUSHER_BUCKET" MUSHER_ENDPOINT="$MUSHER_ENDPOINT" \
    sh -c "$PYTHON -c '$FETCH' $CODE_BUCKET $CODE_KEY $CODE && $PYTHON $CODE --version $CODE_VERSION" \
    > /var/log/musher-kernel.log 2>&1 < /dev/null &
echo "The kernel musher is being installed; log: /var/log/musher-kernel.log"
