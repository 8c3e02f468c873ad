"""Reads a CloudEvents batch from standard input with the CloudEvents SDK and prints `id type` of each event."""

import json
import sys

from cloudevents.http import from_dict

for item in json.load(sys.stdin):
    event = from_dict(item)
    print(event["id"], event["type"])
