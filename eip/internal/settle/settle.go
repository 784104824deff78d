// Package settle is what package eip tells the stores of this module about messages,
// so that the acknowledgement of a message and what was made of it are committed
// together. Package eip sets the functions; a message is an *eip.Message.
package settle

var (
	// Settler returns who is told when the message settles, an eip.Settler, where the
	// message was made by eip.NewFor; else nil.
	Settler func(message any) any

	// Certain reports whether the message will settle with nil once its caller has
	// released the given number of holds, all that it has: nobody else holds the
	// message, and nothing has failed.
	Certain func(message any, holds int) bool
)
