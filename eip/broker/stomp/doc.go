// Package stomp is ActiveMQ, or RabbitMQ with its STOMP plugin, as a broker over STOMP
// 1.0 to 1.2.
//
// # A hop that loses nothing
//
// A source subscribes with client-individual acknowledgement and acknowledges each message
// when everything made of it is confirmed. A sender sends without waiting, and settles a
// message when the server has answered for it: RabbitMQ by a receipt for each message,
// ActiveMQ by the receipt of a transaction's COMMIT. A message that a flow cannot settle is
// delivered again from here: NACK means opposite things on the two.
//
// # One connection for each
//
// A source and a sender have a connection of their own. So giving back is closing it, an
// ERROR concerns one destination, and a reader that must wait for room lets the network
// wait. On ActiveMQ each source has a client-id of its own: the server refuses the next
// connection until the last one is gone, and with that what was under way comes first.
//
// # Mending
//
// A connection that is lost is made again, with a waiting time that doubles and varies. A
// source subscribes anew. A sender sends again, in order, what was not confirmed, but for
// what its source will deliver again. A message that makes the server close the connection
// is found by sending one at a time, and fails alone.
//
// # What is where
//
// A connection: login.go and conn.go, with heart-beats in beat.go, and fault.go for what a
// server says against it. Which server is what: server.go;
// addresses: destination.go. Receiving: source.go, and consumer.go for one connection.
// Sending: sender.go, and session.go for one connection. Messages as frames: mapping.go,
// types.go for the kinds of header values, and reserved.go for headers that stay behind.
package stomp
