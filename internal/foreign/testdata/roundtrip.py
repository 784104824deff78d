"""Sends messages of every kind straight to a queue, and to another one through a
flow; what comes out of both must be the same, bit by bit of its header table.

    roundtrip.py URL [stomp]

With "stomp" it leaves out what cannot pass over STOMP: the user, headers of names that
servers keep to themselves, and headers of more than 10 KiB; and transient messages, which
ActiveMQ lets overtake others.
"""
import itertools
import random
import struct
import sys

import pika
import pika.data


STOMP = sys.argv[2:] == ["stomp"]


class Raw:
    """A header's value as it is on the wire."""

    def __init__(self, kind, content):
        self.kind, self.content = kind, content

    def __repr__(self):
        return f"{self.kind.decode()}:{self.content!r}"

    def __eq__(self, other):
        return (self.kind, self.content) == (other.kind, other.content)


SIZES = {b"t": 1, b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"I": 4, b"i": 4, b"l": 8, b"f": 4, b"d": 8, b"D": 5, b"T": 8, b"V": 0}


def encode_value(pieces, value):
    body = value.content
    if value.kind == b"F":
        inner = []
        pika.data.encode_table(inner, body)
        body = b"".join(inner)
    elif value.kind == b"A":
        inner = []
        for v in body:
            encode_value(inner, v)
        body = b"".join(inner)
        body = struct.pack(">I", len(body)) + body
    elif value.kind in b"Sx":
        body = struct.pack(">I", len(body)) + body
    pieces.append(value.kind + body)
    return 1 + len(body)


def decode_value(encoded, offset):
    kind = encoded[offset:offset + 1]
    offset += 1
    if kind in SIZES:
        end = offset + SIZES[kind]
        return Raw(kind, encoded[offset:end]), end
    if kind == b"F":
        table, end = pika.data.decode_table(encoded, offset)
        return Raw(kind, table), end
    (size,) = struct.unpack_from(">I", encoded, offset)
    offset += 4
    end = offset + size
    if kind == b"A":
        values = []
        while offset < end:
            value, offset = decode_value(encoded, offset)
            values.append(value)
        return Raw(kind, values), end
    return Raw(kind, encoded[offset:end]), end


class Messages:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, kind, depth):
        r = self.random
        if kind == b"t":
            return Raw(kind, r.choice([b"\0", b"\1"]))
        if kind == b"f":
            return Raw(kind, struct.pack(">f", r.choice([0.0, -0.0, 1.5, -1e30, r.random()])))
        if kind == b"d":
            return Raw(kind, struct.pack(">d", r.choice([0.0, -0.0, 0.1, 1e300, 5e-324, r.random()])))
        if kind == b"T":
            return Raw(kind, struct.pack(">Q", r.choice([0, 1, 1_000_000_000, 4_000_000_000, r.getrandbits(33)])))
        if kind in SIZES:
            size = SIZES[kind]
            return Raw(kind, r.choice([b"\0" * size, b"\xff" * size, b"\x80" + b"\0" * (size - 1), r.randbytes(size)]) if size else b"")
        if kind == b"S":
            return Raw(kind, r.choice(["", "plain", "Grüße, 世界 \0 \n", "x" * (300 if STOMP else 5000)]).encode())
        if kind == b"x":
            return Raw(kind, r.randbytes(r.choice([0, 1, 300])))
        kinds = [self.kind(depth + 1) for _ in range(r.randrange(4))]
        if kind == b"A":
            return Raw(kind, [self.value(k, depth + 1) for k in kinds])
        return Raw(kind, {f"key {i}": self.value(k, depth + 1) for i, k in enumerate(kinds)})

    def kind(self, depth):
        return self.random.choice(list(SIZES) + [b"S", b"x"] + ([b"A", b"F"] * 3 if depth < 5 else []))

    PROPERTIES = {
        "content_type": ["text/plain", "application/json; charset=utf-8"],
        "content_encoding": ["gzip", "identity"],
        "delivery_mode": [1, 2],
        "priority": [1, 9, 255],
        "correlation_id": ["c-1", "ü" * 127],
        "reply_to": ["somewhere", "amq.rabbitmq.reply-to.g1h2"],
        "expiration": ["60000", "86400000"],
        "message_id": ["m-1", "x" * 255],
        "timestamp": [1, 1_700_000_000, 1 << 33],
        "type": ["order.created"],
        "user_id": ["guest"],
        "app_id": ["shop/1.0"],
    }

    def body(self):
        r = self.random
        return r.choice([b"", b"text", '{"ü":1.0, "n": 12345678901234567890}'.encode(), b"\xff\xfe\0", r.randbytes(200_000)])

    def all(self):
        # Each property and each type alone, all of them together, and then at random.
        for name, values in self.PROPERTIES.items():
            for v in values:
                if not (STOMP and (name == "user_id" or v == 1)):
                    yield {name: v}, b"x"
        for kind in list(SIZES) + [b"S", b"x", b"A", b"F"]:
            for _ in range(6):
                yield {"headers": {"h": self.value(kind, 0)}}, b"x"
        if STOMP:
            del self.PROPERTIES["user_id"]
            self.PROPERTIES["delivery_mode"] = [2]
        yield {name: values[0] for name, values in self.PROPERTIES.items()}, self.body()
        prefix = "h" if STOMP else "x-"
        for _ in range(200):
            properties = {n: self.random.choice(v) for n, v in self.PROPERTIES.items() if self.random.random() < 0.5}
            if headers := {f"{prefix}{i}": self.value(self.kind(0), 0) for i in range(self.random.randrange(5))}:
                properties["headers"] = headers
            yield properties, self.body()


def received(channel, queue, count):
    for method, properties, body in itertools.islice(channel.consume(queue, auto_ack=True, inactivity_timeout=60), count):
        if method is None:
            sys.exit(f"no more messages came to {queue}")
        yield properties, body
    channel.cancel()


def main(url):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    # From here on, headers are not what the library makes of them.
    pika.data.encode_value, pika.data.decode_value = encode_value, decode_value
    direct = channel.queue_declare("", exclusive=True).method.queue
    seed = random.randrange(1 << 32)
    messages = list(Messages(seed).all())
    for properties, body in messages:
        for queue in direct, "in":
            channel.basic_publish("", queue, body, pika.BasicProperties(**properties), mandatory=True)
    there = list(received(channel, direct, len(messages)))
    through = list(received(channel, "out", len(messages)))
    for i, ((want, body), (got, got_body)) in enumerate(zip(there, through, strict=True)):
        want.delivery_mode = want.delivery_mode or 2  # what says nothing is persistent from here on
        if vars(want) != vars(got) or body != got_body:
            sys.exit(f"seed {seed}, message {i}:\n{vars(want)} {body[:100]}\nbecame\n{vars(got)} {got_body[:100]}")
    print(len(messages), "messages are as they were")
    connection.close()


main(sys.argv[1])
