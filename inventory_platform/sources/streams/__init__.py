"""Streams: sources that push messages, by MQTT or by Kafka's protocol."""
