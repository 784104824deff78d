// Package remote is what brokers behind a network have in common: how their URLs are
// checked, how they connect, and how their sources and senders say what keeps them from
// working.
package remote
