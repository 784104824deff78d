// Package transform holds the stages that change what messages are (Message
// Transformation).
package transform
