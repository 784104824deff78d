"""Uses the control bus of three processes, knowing nothing but its contract:
control.py URL INSTANCE…"""

import json
import sys
import time
import uuid

import pika

url, instances = sys.argv[1], sorted(sys.argv[2:])
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
inbox = channel.queue_declare("", exclusive=True).method.queue


def ask(command, expect=len(instances), key="any.key", body=None):
    """Gives a command, and returns the replies by instance."""
    correlation = str(uuid.uuid4())
    channel.basic_publish(
        "eip.control", key, json.dumps(command) if body is None else body,
        pika.BasicProperties(reply_to=inbox, correlation_id=correlation))
    replies, end = {}, time.time() + 60
    while len(replies) < expect and time.time() < end:
        method, properties, answer = channel.basic_get(inbox, auto_ack=True)
        if method is None:
            time.sleep(0.005)
        elif properties.correlation_id == correlation:
            reply = json.loads(answer)
            assert reply["instance"] not in replies, "two replies of one process"
            replies[reply["instance"]] = reply
    assert len(replies) == expect, (command, replies)
    return replies


def results(command, **more):
    replies = ask(command, **more)
    for reply in replies.values():
        assert reply["ok"], reply
        assert reply["command"] == command["command"], reply
    return {name: reply["result"] for name, reply in replies.items()}


def publish(orders):
    for order in orders:
        channel.basic_publish("", "orders", order if isinstance(order, str) else json.dumps(order))


def depth(queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def until(what, done):
    end = time.time() + 60
    while not done():
        assert time.time() < end, what
        time.sleep(0.01)


def take(queue, count):
    bodies = []
    until(f"{count} messages in {queue}", lambda: depth(queue) >= count)
    for _ in range(count):
        bodies.append(json.loads(channel.basic_get(queue, auto_ack=True)[2]))
    assert depth(queue) == 0, queue
    return sorted(body["id"] for body in bodies)


def total(stats, address, count):
    for one in stats.values():
        s = one[address]
        assert s["received"] == s["sent"] + s["failed"] + s["dropped"] + s["in_flight"], (address, s)
    return sum(one[address][count] for one in stats.values())


# Every process answers, whatever the key is.
status = results({"command": "status"})
assert sorted(status) == instances
for name, s in status.items():
    assert s["instance"] == name and s["flows"] == ["orders"] and s["state"] == "running", s
    assert s["brokers"][0]["connected"] and "guest:guest" not in json.dumps(s), s
graph = results({"command": "list"})[instances[0]]["flows"][0]
assert [stage["address"] for stage in graph["stages"]][:2] == ["orders.positive", "orders.validate"], graph

# What was sent is what they counted.
ids = range(300)
publish([{"id": i, "total": i % 10, "gift": i % 3 == 0} for i in ids] + ["{"])
going = [i for i in ids if i % 10 > 0]
gifts = [i for i in going if i % 3 == 0]
assert take("rest", len(going)) == going
assert take("gifts", len(gifts)) == gifts
until("the invalid message", lambda: depth("bad") == 1)


def settled():
    return total(results({"command": "stats", "v": 1}), "orders", "in_flight") == 0


until("all are settled", settled)
stats = results({"command": "stats", "target": "orders"})
for address, counts in {
    "orders": dict(received=301, sent=len(going), dropped=30, failed=1, invalid=1, dead_lettered=0),
    "orders.positive": dict(received=301, sent=len(going), dropped=30, failed=1),
    "orders.validate": dict(received=len(going), sent=len(going)),
    "orders.validate.send": dict(received=0),
    "orders.content_router": dict(received=len(going), sent=len(going)),
}.items():
    for count, want in counts.items():
        got = total(stats, address, count)
        assert got == want, (address, count, got, want)
assert all({"mean", "p50", "p90", "p99", "max"} <= set(one["orders"]["latency_ms"]) for one in stats.values())

# A detour, switched everywhere at once, and in one process.
was = results({"command": "set", "target": "orders.validate", "args": {"enabled": True}, "instance": "*"})
assert all(r["enabled"] is True and r["was"] is False for r in was.values()), was
publish([{"id": i, "total": 1} for i in range(50)])
assert take("checked", 50) == take("rest", 50) == list(range(50))
one = results({"command": "set", "target": "*.validate", "args": {"enabled": False}, "instance": instances[1]}, expect=1)
assert list(one) == [instances[1]], one
wrong = ask({"command": "set", "target": "orders.validte", "args": {"enabled": True}})
for reply in wrong.values():
    assert not reply["ok"] and reply["error"]["code"] == "unknown_target", reply
    assert "did you mean orders.validate?" in reply["error"]["message"], reply
results({"command": "set", "target": "orders.validate", "args": {"enabled": False, "for": "1h"}})

# Stopped, they leave the messages where they are; started, none is lost or doubled.
results({"command": "stop", "target": "orders"})
publish([{"id": i, "total": 1} for i in range(100)])
until("all wait", lambda: depth("orders") == 100)
assert depth("rest") == 0
results({"command": "start", "target": "orders"})
assert take("rest", 100) == list(range(100))
until("nothing is left", lambda: depth("orders") == 0 and settled())
assert depth("rest") == 0

# A Test Message ends where others do, and is no part of what is counted.
before = results({"command": "stats"})
reply = results({"command": "inject", "target": "orders", "instance": instances[0],
                 "args": {"body": {"id": 1, "total": 5}, "test": True}}, expect=1)[instances[0]]
assert reply["test"]["outcome"] == "sent" and reply["test"]["ends"][0]["to"] == "queue.rest", reply
assert take("rest", 1) == [1]
assert total(results({"command": "stats"}), "orders", "received") == total(before, "orders", "received")

# So does one that is put into a queue, whichever process reads it, and whoever asks
# gets its report.
for _ in range(5):
    gift = {"id": 2, "total": 5, "gift": True}
    reports = results({"command": "inject", "target": "queue.orders", "args": {"body": gift, "test": True}})
    for reply in reports.values():
        assert reply["test"]["outcome"] == "sent" and reply["test"]["flows"] == ["orders"], reply
        assert sorted(end["to"] for end in reply["test"]["ends"]) == ["queue.gifts", "queue.rest"], reply
        assert all(end["body"] == gift for end in reply["test"]["ends"]), reply
    assert take("rest", len(instances)) == take("gifts", len(instances)) == [2] * len(instances)

# What is no command is answered so, and disturbs nothing.
for garbage in ["", "{", "\x00", "[1]", '{"command": 1}', "x" * 1100000]:
    for reply in ask({}, body=garbage).values():
        assert not reply["ok"] and reply["error"]["code"] == "bad_request", reply
for reply in ask({"command": "explode"}).values():
    assert reply["error"]["code"] == "unknown_command", reply
for reply in ask({"command": "status", "v": 2}).values():
    assert reply["error"]["code"] == "bad_request", reply

# Nor does a flood.
for _ in range(5000):
    channel.basic_publish("eip.control", "", '{"command": "stats"}')
publish([{"id": i, "total": 1} for i in range(1000)])
assert take("rest", 1000) == list(range(1000))
until("the flood is over", lambda: len(ask({"command": "status"}, expect=len(instances))) == len(instances))
print("done")
