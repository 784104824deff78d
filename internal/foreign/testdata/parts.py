"""Sends so many orders of ten parts each, shuffled, and some parts twice.

    parts.py URL ORDERS
"""
import itertools
import json
import random
import sys
import time

import pika

url, orders = sys.argv[1], int(sys.argv[2])
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.queue_declare("parts", durable=True)
channel.tx_select()

NEAR, AT_ONCE, MOST_WAITING = 500, 500, 20_000
all_parts = ((order, part) for order in range(orders) for part in range(10))
pool = list(itertools.islice(all_parts, NEAR))
sent = 0
while pool:
    i = random.randrange(len(pool))
    order, part = pool[i]
    if random.random() > 0.2:  # else it is sent again some time
        pool[i] = pool[-1]
        pool.pop()
        pool.extend(itertools.islice(all_parts, 1))
    body = json.dumps({"order": order, "part": part}).encode()
    properties = pika.BasicProperties(content_type="application/json", delivery_mode=2, message_id=f"{order}-{part}")
    channel.basic_publish("", "parts", body, properties)
    sent += 1
    if sent % AT_ONCE == 0:
        channel.tx_commit()
        while channel.queue_declare("parts", passive=True).method.message_count > MOST_WAITING:
            time.sleep(0.1)
channel.tx_commit()
connection.close()
print(sent)
