"""EC2: instances that run their user data, with metadata of their own."""
