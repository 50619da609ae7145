"""The one client of MQTT."""
