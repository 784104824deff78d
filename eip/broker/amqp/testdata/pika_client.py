"""Sends messages with every property and kind of header to one queue, and expects
the same from another: pika_client.py URL IN OUT."""
import datetime
import decimal
import sys

import pika

url, to, source = sys.argv[1:]
when = datetime.datetime(2026, 11, 21, 10, 0, 0)
headers = {
    "text": "ü\0\r\n:", "empty": "", "bytes": b"\x00\xff\xfe", "true": True, "false": False, "none": None,
    "small": 7, "negative": -7, "large": 2**40, "most": 2**63 - 1,
    "decimal": decimal.Decimal("-12.345"), "time": when,
    "table": {"in": {"deep": [1, "two", None, {}, [], {"three": [b"3"]}]}},
    "list": [True, 7, "x", b"y", None, when, decimal.Decimal("1.5"), [], {}],
    "x-death": [{"count": 3, "exchange": "", "queue": "q", "reason": "rejected", "routing-keys": ["q", "r"], "time": when}],
    "x-first-death-queue": "q", "ü name": 1, "eip-reason": "failed",
}
deep = "bottom"
for _ in range(100):
    deep = {"down": [deep]}
properties = dict(
    content_type="application/x-test", content_encoding="identity", priority=9, correlation_id="corr ü", reply_to="replies",
    expiration="3600000", message_id="id-1", timestamp=1700000000, type="a type", user_id="guest", app_id="an app")
messages = [
    (dict(properties, headers=headers, delivery_mode=1), bytes(range(256)) * 300),
    (dict(properties, headers=headers, delivery_mode=2), b""),
    (dict(headers={"deep": deep}), b"deep"),
    (dict(), b"nothing set"),
    (dict(headers={}, expiration="3600000", priority=0), b"no headers"),
    (dict(headers={"CC": [], "BCC": [], "Eip-Detour": "on", "kept": 1}), b"control"),
    (dict(headers={"eip-sequence-id": "ü", "eip-sequence-number": 2, "eip-sequence-size": 2**40, "eip-sequence-outer": '[["v",1,2],["",0,0]]'}), b"a part"),
    (dict(headers={"eip-sequence-id": "w", "eip-sequence-number": -2, "kept": 1}), b"no part"),
]

connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
for sent, body in messages:
    channel.basic_publish("", to, body, pika.BasicProperties(**sent), mandatory=True)
failed = False
for (sent, body), (method, got, got_body) in zip(messages, channel.consume(source, auto_ack=True, inactivity_timeout=20)):
    if got is None:
        sys.exit("no message came for %r" % body[:20])
    want = pika.BasicProperties(**dict(sent, delivery_mode=sent.get("delivery_mode") or 2))
    if want.headers == {}:
        want.headers = None
    if body in (b"control", b"no part"):
        want.headers = {"kept": 1}
    if want.priority == 0:
        want.priority = None
    if got_body != body:
        failed = True
        print("body %r became %r" % (body[:20], got_body[:20]))
    for name in sorted(set(want.__dict__) | set(got.__dict__)):
        if getattr(want, name, None) != getattr(got, name, None):
            failed = True
            print("%r: %s\n%r became\n%r" % (body[:20], name, getattr(want, name, None), getattr(got, name, None)))
connection.close()
sys.exit(1 if failed else 0)
