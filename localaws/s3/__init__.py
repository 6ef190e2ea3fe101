"""S3's objects: files that are written once, streamed and hashed on their way; moto keeps the lists."""
