"""Move files between S3 and folders."""

from localaws.archives import pack_tar_gz, unpack_tar_gz

__all__ = ["pack_tar_gz", "unpack_tar_gz"]
