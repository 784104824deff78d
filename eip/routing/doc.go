// Package routing holds the stages that decide where messages go (Message
// Routing).
package routing
