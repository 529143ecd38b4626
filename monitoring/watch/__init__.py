"""The alerting service: checks the alarms without a browser and notifies receivers."""
