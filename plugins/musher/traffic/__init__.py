"""Send a known load to a target and measure it: an open loop, so that a slow answer delays no request."""
