"""Asks a service, and prints the replies in the order of the questions.

    ask.py URL direct|exclusive QUEUE QUESTION…

Replies are taken by direct reply-to, or from an exclusive queue.
"""
import sys

import pika

url, way, queue, *questions = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
replies = {}


def take(_channel, _method, properties, body):
    if properties.correlation_id in replies:
        sys.exit(f"a second reply to {properties.correlation_id}")
    replies[properties.correlation_id] = body.decode()


address = "amq.rabbitmq.reply-to"
if way == "exclusive":
    address = channel.queue_declare("", exclusive=True).method.queue
channel.basic_consume(address, take, auto_ack=True)
for n, question in enumerate(questions):
    channel.basic_publish("", queue, question, pika.BasicProperties(reply_to=address, correlation_id=f"question {n}"), mandatory=True)
while len(replies) < len(questions):
    before = len(replies)
    connection.process_data_events(time_limit=60)
    if len(replies) == before:
        sys.exit(f"only {len(replies)} of {len(questions)} replies came: {replies}")
for n in range(len(questions)):
    print(replies[f"question {n}"])
connection.close()
