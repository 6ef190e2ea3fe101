"""What one instance is, as its metadata and its first boot ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The instance profile, and the role in it."""

    arn: str
    id: str
    role_name: str
    role_arn: str
    is_trusting: bool
    """Whether the role lets EC2 assume it."""


@dataclass(frozen=True, kw_only=True)
class MetadataOptions:
    """How metadata may be asked for (API_InstanceMetadataOptionsResponse)."""

    needs_token: bool = False
    is_enabled: bool = True
    has_tags: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What metadata say of an instance at one moment."""

    instance_id: str
    account_id: str
    region: str
    zone: str
    instance_type: str
    image_id: str
    architecture: str
    local_ip: str
    local_hostname: str
    launched_at: str
    """ISO 8601, in UTC."""
    is_spot: bool = False
    public_ip: str = ""
    public_hostname: str = ""
    mac: str = ""
    launch_index: int = 0
    reservation_id: str = ""
    security_groups: tuple[str, ...] = ()
    user_data: bytes = b""
    profile: Profile | None = None
    rebalance_at: str = ""
    """When a Spot Instance was found to be at risk, in UTC; empty while it is not."""
    interruption_at: str = ""
    """When a Spot Instance is taken away, in UTC; empty while nothing is known of it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    options: MetadataOptions = MetadataOptions()
