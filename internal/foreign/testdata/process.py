"""Drives the orders of process.hcl, takes the parts of stock, payment and shipping in them,
and compares what each order did with the machine below. Says "over" when all have ended,
and what was seen.

    process.py URL ORDERS SECONDS SEED

Orders begin within so many seconds. Events come twice, too early and too late; replies come
at once, at the moment of the time-out, twice, never and forged.
"""
import collections
import heapq
import itertools
import json
import random
import sys
import time

import pika

# What leads from one state to the next: what caused it, what it tells, and where it goes.
MACHINE = {
    "": [("placed", ["began"], "reserving")],
    "reserving": [
        ("stock-yes", ["reserved"], "paying"),
        ("stock-no", ["refused"], "over"),
        ("time", ["lost"], "over"),
        ("cancel", ["cancelled"], "over"),
        ("again", ["again"], "reserving"),
    ],
    "paying": [
        ("payment-yes", ["paid"], "shipping"),
        ("payment-no", ["released", "refused"], "over"),
        ("time", ["released", "lost"], "over"),
        ("cancel", ["released", "cancelled"], "over"),
    ],
    "shipping": [
        ("note", ["noted 1", "noted 2", "noted 3", "noted 4", "noted 5"], "shipping"),
        ("shipped", ["done"], "over"),
        ("time", ["released", "lost"], "over"),
        ("cancel", ["released", "cancelled"], "over"),
    ],
    "over": [],
}
TIMEOUT = 2.0
PATIENCE = 120.0

url, count, spread, seed = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.basic_qos(prefetch_count=500)
for name in ("events", "stock", "payments", "refunds", "out", "dead"):
    channel.queue_declare(name, durable=True)


class Order:
    def __init__(self, name):
        self.name = name
        self.chance = random.Random(f"{seed} {name}")
        self.sent = {}  # the kind of each message that it was sent, by Message ID
        self.asked = {}  # the steps that made requests, by their Correlation Identifiers
        self.answers = {}  # the Correlation Identifiers of those that are replies
        self.twice = set()  # those of them that were sent twice
        self.dead = set()
        self.out = []
        self.ids = {}  # the bytes of each message that it sent
        self.doubled = 0
        self.refund = self.chance.choices(("yes", "no", "never"), (85, 10, 5))[0]
        self.stuck = False  # it could not be undone
        self.late = False  # as a reply came too late that was given at once
        self.old = None  # a Correlation Identifier of before

    def likely(self, chance):
        return self.chance.random() < chance


orders = {f"o{n}": Order(f"o{n}") for n in range(count)}
agenda, numbers = [], itertools.count()
heard = time.monotonic()
begun = heard


def fail(text):
    sys.exit(f"seed {seed}: {text}")


def later(seconds, do, *args):
    heapq.heappush(agenda, (time.monotonic() + seconds, next(numbers), do, args))


def publish(order, to, kind, body, correlation=None, again=False):
    """Sends a message of a kind, perhaps twice; its ID says which."""
    message = f"{order.name}/{kind}/{len(order.sent)}"
    order.sent[message] = kind
    order.answers[message] = correlation
    properties = pika.BasicProperties(message_id=message, content_type="application/json", delivery_mode=2, correlation_id=correlation)

    def send():
        channel.basic_publish("", to, json.dumps(body).encode(), properties)

    send()
    if again:
        order.twice.add(message)
        later(order.chance.choice((0, 0.01, 1, 3)), send)


def event(order, kind):
    publish(order, "events", kind, {"order": order.name, "event": kind, "total": int(order.name[1:])}, again=order.likely(0.3))


def begin(order):
    event(order, "placed")
    if order.likely(0.1):
        later(order.chance.uniform(0, 6), event, order, "placed")
    if order.likely(0.25):
        later(order.chance.uniform(0, 4), event, order, "cancel")
    if order.likely(0.1):
        later(order.chance.uniform(0, 1), event, order, "shipped")
    if order.likely(0.5):
        later(order.chance.uniform(0, 2), event, order, "again")
    for _ in range(order.chance.choice((0, 0, 1, 3))):
        later(order.chance.uniform(0, 4), event, order, "note")


def answer(order, service, to, correlation):
    def reply(kind, ok, correlation, again=False):
        publish(order, to, kind, {"ok": ok}, correlation, again)

    if order.likely(0.15):
        reply("forged", True, "nobody", order.likely(0.5))
    if order.likely(0.15):
        reply("forged", True, correlation[:-1] + ("A" if correlation[-1] != "A" else "B"))
    if order.old not in (None, correlation) and order.likely(0.3):
        reply("old", True, order.old)
    order.old = correlation
    wait = order.chance.choices((0, TIMEOUT, None), (70, 20, 10))[0]
    if wait is None:
        return
    if wait:
        wait += order.chance.uniform(-0.1, 0.1)
    yes = order.likely(0.85)
    kind = f"{service}-{'yes' if yes else 'no'}"
    later(wait, reply, kind, yes, correlation, order.likely(0.2))
    if order.likely(0.1):
        later(wait, reply, kind, yes, correlation)
    if order.likely(0.2):
        later(wait, event, order, "cancel")


def note(order, properties, body):
    """Reports whether a message that an order sent is new. What comes again is the same."""
    if not properties.message_id:
        fail(f"a message without ID: {body}")
    is_ = (body, properties.correlation_id, properties.reply_to)
    was = order.ids.setdefault(properties.message_id, is_)
    if was is is_:
        return True
    if was != is_:
        fail(f"{order.name}: {was} came again as {is_}")
    order.doubled += 1
    return False


def asked(service):
    def take(_, method, properties, body):
        global heard
        heard = time.monotonic()
        request = json.loads(body)
        order = orders[request["order"]]
        if not properties.reply_to or not properties.correlation_id:
            fail(f"a request without Return Address: {properties}")
        order.asked[properties.correlation_id] = request["n"]
        note(order, properties, body)  # who is asked twice answers twice
        answer(order, service, properties.reply_to, properties.correlation_id)
        channel.basic_ack(method.delivery_tag)

    return take


def refund(_, method, properties, body):
    global heard
    heard = time.monotonic()
    request = json.loads(body)
    order = orders[request["order"]]
    order.asked[properties.correlation_id] = request["n"]
    note(order, properties, body)
    if order.refund != "never":
        headers = {"eip-error-code": "failed", "eip-error": "no money"} if order.refund == "no" else {}
        answered = pika.BasicProperties(content_type="application/json", correlation_id=properties.correlation_id, headers=headers)
        channel.basic_publish("", properties.reply_to, b"{}", answered)
    channel.basic_ack(method.delivery_tag)


def told(_, method, properties, body):
    global heard
    heard = time.monotonic()
    said = json.loads(body)
    order = orders[said["order"]]
    if note(order, properties, body):
        order.out.append(said)
        if said["did"] == "paid" and order.likely(0.8):
            later(order.chance.uniform(0, 1), event, order, "shipped")
    channel.basic_ack(method.delivery_tag)


def died(_, method, properties, body):
    global heard
    heard = time.monotonic()
    given_up = json.loads(body)
    if given_up.get("state") == "undo_failed":
        order = orders[given_up["key"]]
        left = [one.get("request") or one["body"]["did"] for one in given_up["left"]]
        why = properties.headers["eip-error"]
        order.late = order.refund == "yes" and "timeout" in why
        if left != ["refund", "released"] or order.refund == "yes" and not order.late:
            fail(f"{order.name}, with a refund of {order.refund}, cannot undo {left}: {why}")
        order.stuck = True
        channel.basic_ack(method.delivery_tag)
        return
    name = (properties.message_id or "").split("/")[0]
    if name not in orders or properties.message_id not in orders[name].sent:
        fail(f"a dead letter that nobody sent: {properties}, {body}")
    orders[name].dead.add(properties.message_id)
    channel.basic_ack(method.delivery_tag)


def judge(order):
    """Follows the machine, and returns the state at the end and the messages that had an effect."""
    state, used, at, n, entered = "", set(), 0, 0, 0
    while at < len(order.out):
        rest = [o["did"] for o in order.out[at:]]
        for cause, dids, next_ in MACHINE[state]:
            end = order.out[min(at + len(dids), len(order.out)) - 1]
            if rest[: len(dids)] == dids and (cause == "time") == (not end["by"]):
                break
        else:
            if any(dids[: len(rest)] == rest for _, dids, _ in MACHINE[state]):
                return None, used  # the rest is on its way
            fail(f"{order.name}: nothing leads from {state!r} to {order.out[at:]}; all: {order.out}")
        n += 1
        for said in order.out[at : at + len(dids)]:
            if said["did"] != "released" and (said["n"] != n or said["by"] != end["by"]):
                fail(f"{order.name}: step {n} by {end['by']} says {said}; all: {order.out}")
        if cause != "time":
            by = end["by"]
            if order.sent.get(by) != cause:
                fail(f"{order.name}: {dids} was caused by {by}, and not by {cause}: {order.out}")
            if by in used:
                fail(f"{order.name}: {by} had an effect twice: {order.out}")
            used.add(by)
            if order.answers[by] and order.asked[order.answers[by]] != entered:
                fail(f"{order.name}: {by} answers a request of step {order.asked[order.answers[by]]}, in the state of step {entered}: {order.out}")
        if cause != "note":
            entered = n
        at, state = at + len(dids), next_
    return state, used


def left():
    """What is not over, or neither had an effect nor is a dead letter."""
    for order in orders.values():
        state, used = judge(order)
        if (state, order.stuck) not in (("over", False), ("shipping", True)):
            yield f"{order.name} is {state!r} after {[o['did'] for o in order.out]}"
        answered = {order.answers[message] for message in used if order.answers[message]}
        for message, kind in order.sent.items():
            known = kind in ("placed", "forged") or order.answers[message] in answered  # and so it may be dropped
            if order.stuck and kind == "cancel":
                known = True  # perhaps it was cancelled by that
            if message not in used and message not in order.dead and not known:
                yield f"{message} is gone without a trace, {order.name} did {[o['did'] for o in order.out]}"


for order in orders.values():
    later(random.Random(f"{seed} {order.name} begins").uniform(0, spread), begin, order)
for name, take in (("stock", asked("stock")), ("payments", asked("payment")), ("refunds", refund), ("out", told), ("dead", died)):
    channel.basic_consume(name, take)
checked = 0.0
while True:
    now = time.monotonic()
    while agenda and agenda[0][0] <= now:
        _, _, do, args = heapq.heappop(agenda)
        do(*args)
    connection.process_data_events(time_limit=max(0.0, min(0.5, agenda[0][0] - time.monotonic())) if agenda else 0.5)
    if agenda or now - checked < 1:
        continue
    checked = now
    rest = list(itertools.islice(left(), 5))
    if not rest and now - heard > TIMEOUT + 1:
        break
    if now - heard > PATIENCE:
        fail(f"nothing came for {PATIENCE} s, and: {rest}")

ends, both = collections.Counter(), 0
for order in orders.values():
    ends["stuck" if order.stuck else order.out[-1]["did"]] += 1
    both += len(judge(order)[1] & order.dead - order.twice)
print(
    json.dumps(
        {
            "ends": dict(sorted(ends.items())),
            "sent": sum(len(o.sent) for o in orders.values()),
            "told": sum(len(o.out) for o in orders.values()),
            "dead": sum(len(o.dead) for o in orders.values()),
            "doubled": sum(o.doubled for o in orders.values()),
            "both": both,  # they came once, had an effect, and are dead letters
            "late": sum(o.late for o in orders.values()),
            "seconds": round(time.monotonic() - begun),
        }
    )
)
connection.close()
