// Package manage holds the stages of the book's chapter on system management:
// those that look at a running flow, and steer it, from outside.
package manage
