"""A service: answers so many requests, and says "ready" first.

    serve.py URL QUEUE COUNT
"""
import sys

import pika

url, queue, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.basic_qos(prefetch_count=1)
print("ready", flush=True)
for method, properties, body in channel.consume(queue, inactivity_timeout=60):
    if method is None:
        sys.exit("no more requests came")
    reply = pika.BasicProperties(correlation_id=properties.correlation_id)
    channel.basic_publish("", properties.reply_to, b"%d for " % len(body) + body, reply)
    channel.basic_ack(method.delivery_tag)
    count -= 1
    if count == 0:
        break
channel.cancel()
connection.close()
