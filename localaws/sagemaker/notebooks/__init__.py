"""Notebook instances: a Jupyter server each, with folders, crontab and lifecycle scripts of its own."""
