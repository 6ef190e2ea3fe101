"""What an instance finds of itself, and cloud-config, messages and compressed user data."""

import gzip
import json
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

ASKS = r"""#!/bin/sh
base=$AWS_EC2_METADATA_SERVICE_ENDPOINT
cat > /tmp/ask.py <<'END'
import json, os, urllib.error, urllib.request
base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]

def ask(path, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        request = urllib.request.Request(base + path, method=method, headers=named)
        return urllib.request.urlopen(request).read().decode()
    except urllib.error.HTTPError as error:
        return error.code

ttl = {"X_aws_ec2_metadata_token_ttl_seconds": "60"}
token = {"X_aws_ec2_metadata_token": ask("latest/api/token", "PUT", **ttl)}
found = {
    "bare": ask("latest/meta-data/instance-id"),
    "without time": ask("latest/api/token", "PUT"),
    "forwarded": ask("latest/api/token", "PUT", X_Forwarded_For="10.0.0.9", **ttl),
    "of a page": ask("latest/meta-data/instance-id", Origin="https://example.com", **token),
    "id": ask("latest/meta-data/instance-id", **token),
    "zone": ask("latest/meta-data/placement/availability-zone", **token),
    "role": ask("latest/meta-data/iam/security-credentials/", **token),
    "tag": ask("latest/meta-data/tags/instance/Name", **token),
    "document": json.loads(ask("latest/dynamic/instance-identity/document", **token)),
    "user data": ask("latest/user-data", **token)[:9],
    "spot": ask("latest/meta-data/spot/instance-action", **token),
}
print(json.dumps(found))
END
python3 /tmp/ask.py | PUT
"""


def test_an_instance_with_tokens_required_finds_itself(boxes: Any) -> None:
    instance_id = boxes.run(
        ASKS.replace("PUT\n", boxes.put("metadata") + "\n"),
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "box"}]}],
    )
    boxes.wait_for_line(instance_id, "Cloud-init finished.")
    found = json.loads(boxes.read("metadata"))
    document = found.pop("document")
    assert found == {
        "bare": 401,
        "without time": 400,
        "forwarded": 403,
        "of a page": 403,
        "id": instance_id,
        "zone": boxes.describe(instance_id)["Placement"]["AvailabilityZone"],
        "role": boxes.name,
        "tag": "box",
        "user data": "#!/bin/sh",
        "spot": 404,
    }
    assert document["instanceId"] == instance_id
    assert document["instanceType"] == "m5.xlarge"
    assert document["imageId"] == boxes.image
    boxes.end(instance_id)


CONFIG = """#cloud-config
packages: [git]
write_files:
  - path: /opt/greeting
    permissions: '0750'
    content: good morning
runcmd:
  - [sh, -c, 'stat -c "mode %a of %U" /opt/greeting']
  - cat /opt/greeting; echo; echo log `grep -c Cloud-init /var/log/cloud-init-output.log`
"""


def test_a_compressed_message_of_a_script_and_a_configuration_is_carried_out(boxes: Any) -> None:
    message = MIMEMultipart()
    message.attach(MIMEText(CONFIG, "cloud-config"))
    message.attach(MIMEText("#!/bin/sh\necho the script comes first; cat /opt/greeting\n", "x-shellscript"))
    instance_id = boxes.run(gzip.compress(message.as_bytes()))
    output = boxes.wait_for_line(instance_id, "Cloud-init finished.")
    assert "WARNING: cloud-config module 'packages' is not run by localaws" in output
    assert output.index("the script comes first") < output.index("mode 750 of root")
    assert output.count("good morning") == 2
    assert "log 1" in output
    boxes.end(instance_id)
