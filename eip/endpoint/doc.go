// Package endpoint holds the stages of the book's chapter on messaging endpoints:
// where flows meet services, and who asks meets who answers.
package endpoint
