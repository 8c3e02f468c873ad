"""Verifies deliveries with the official library of Standard Webhooks; of a native one the CloudEvents SDK reads the event.

Reads one delivery in JSON per line, {"secret", "headers", "body"}, and prints `id type` of native ones, else `verified`.
"""

import json
import sys

from cloudevents.http import from_http
from standardwebhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    delivery = json.loads(line)
    headers, body = delivery["headers"], delivery["body"]
    webhook = Webhook(delivery["secret"])
    webhook.verify(body.encode(), headers)
    try:
        webhook.verify(body.encode() + b" ", headers)
        sys.exit("a changed body was taken")
    except WebhookVerificationError:
        pass
    if headers["content-type"].startswith("application/cloudevents+json"):
        event = from_http(headers, body.encode())
        print(event["id"], event["type"])
    else:
        print("verified")
