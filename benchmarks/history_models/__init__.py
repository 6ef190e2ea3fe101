"""What random histories of localaws do and must never see: one module for each part of it."""
