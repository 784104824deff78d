// Package gendocs writes what the documentation takes from the code: the comments
// of components, which eipd explain shows, and the parts of pages between markers.
// A test of cmd/eipd compares it with what is there, and make gen writes it.
package gendocs
