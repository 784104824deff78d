import { Answer, Invalid, run } from "./eipd_processor.mjs";

run(({ body: order }) => {
  if (!order.items) throw new Invalid("an order has items");
  order.total = order.items.reduce((sum, item) => sum + item.price * item.count, 0);
  console.log("order", order.id, "comes to", order.total); // to the log
  const large = order.total >= 1000 ? [{ to: "queue.large", body: order.id }] : [];
  return new Answer({ body: order, headers: { priced_by: "a worker" }, send: large });
});
