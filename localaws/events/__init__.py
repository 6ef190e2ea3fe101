"""EventBridge: rules are moto's; targets that moto lacks, and events of services that run here."""
