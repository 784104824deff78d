from eipd_processor import Answer, Invalid, run

def price(message):
    order = message["body"]
    if "items" not in order:
        raise Invalid("an order has items")
    order["total"] = sum(item["price"] * item["count"] for item in order["items"])
    print("order", order["id"], "comes to", order["total"])  # to the log
    large = [{"to": "queue.large", "body": order["id"]}] if order["total"] >= 1000 else []
    return Answer(body=order, headers={"priced_by": "a worker"}, send=large)

run(price)
