"""A service that adds one, or a client that asks it.

    add.py URL serve COUNT                      answers so many requests
    add.py URL call direct|exclusive COUNT      asks so often, and prints how many answers are right
"""
import sys

import pika

url, role, count = sys.argv[1], sys.argv[2], int(sys.argv[-1])
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()

if role == "serve":
    channel.queue_declare("add", durable=True)
    channel.basic_qos(prefetch_count=20)
    print("ready", flush=True)
    for method, request, body in channel.consume("add", inactivity_timeout=60):
        if method is None:
            sys.exit("no more requests came")
        reply = pika.BasicProperties(correlation_id=request.correlation_id)
        channel.basic_publish("", request.reply_to, b"%d" % (int(body) + 1), reply)
        channel.basic_ack(method.delivery_tag)
        count -= 1
        if count == 0:
            break
    channel.cancel()
else:
    # Replies come straight to this channel, or by a queue of our own.
    inbox = "amq.rabbitmq.reply-to"
    if sys.argv[3] == "exclusive":
        inbox = channel.queue_declare("", exclusive=True).method.queue
    right = []

    def take(_channel, _method, reply, body):
        right.append(not reply.headers and int(body) == int(reply.correlation_id) + 1)

    channel.basic_consume(inbox, take, auto_ack=True)
    for i in range(count):
        channel.basic_publish("", "add", b"%d" % i, pika.BasicProperties(reply_to=inbox, correlation_id=str(i)))
    while len(right) < count:
        before = len(right)
        connection.process_data_events(time_limit=60)
        if len(right) == before:
            sys.exit("no more replies came")
    print(sum(right))
connection.close()
