"""One poller for all waits of a process for one kind of job: see docs/adr/055."""
