// Package remote is what brokers behind a network have in common: how their URLs are
// checked, how they connect, what is open on them, and how their sources and senders begin,
// mend, and say what keeps them from working.
package remote
