"""What the services of localaws tell CloudWatch: AWS's names, dimensions and units for real events."""
